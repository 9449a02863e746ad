declare module "@npmcli/config" {
  export default class Config {
    constructor(options: Record<string, unknown>);
    load(): Promise<void>;
    get(key: string): unknown;
  }
}
declare module "@npmcli/config/lib/definitions/index.js" {
  export const definitions: unknown;
  export const shorthands: unknown;
  export const flatten: unknown;
  export const nerfDarts: unknown;
}
