declare module "@npmcli/config" {
  export default class Config {
    constructor(options: Record<string, unknown>);
    load(): Promise<void>;
    get(key: string): unknown;
    isDefault(key: string): boolean;
    readonly flat: Readonly<Record<string, unknown>>;
  }
}
declare module "@npmcli/config/lib/definitions/index.js" {
  const definitions: Readonly<Record<"definitions" | "shorthands" | "nerfDarts", unknown>> & {
    flatten(settings: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  };
  export default definitions;
}
