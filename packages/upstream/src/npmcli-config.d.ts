declare module "@npmcli/config" {
  export default class Config {
    constructor(options: Record<string, unknown>);
    load(): Promise<void>;
    get(key: string): unknown;
  }
}
declare module "@npmcli/config/lib/definitions/index.js" {
  const definitions: Readonly<Record<"definitions" | "shorthands" | "flatten" | "nerfDarts", unknown>>;
  export default definitions;
}
