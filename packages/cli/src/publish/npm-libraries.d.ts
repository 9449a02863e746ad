// What the command uses of npm's own libraries, which bring no types.
declare module "pacote" {
  type Manifest = { readonly name: string; readonly version: string; readonly [field: string]: unknown };
  type Options = Readonly<Record<string, unknown>>;
  const pacote: {
    manifest(spec: string, options: Options): Promise<Manifest>;
    extract(spec: string, folder: string, options: Options): Promise<unknown>;
    readonly tarball: { file(spec: string, destination: string, options: Options): Promise<unknown> };
  };
  export default pacote;
}
declare module "@npmcli/arborist" {
  const Arborist: unknown;
  export default Arborist;
}
declare module "@npmcli/run-script" {
  export default function runScript(options: {
    readonly event: string;
    readonly path: string;
    readonly pkg: object;
    readonly stdio: readonly (string | number)[];
    readonly scriptShell?: string | undefined;
  }): Promise<unknown>;
}
declare module "npm-package-arg" {
  type Spec = { readonly name: string; readonly escapedName: string; readonly scope: string | null };
  const npa: { resolve(name: string, version: string): Spec };
  export default npa;
}
declare module "npm-registry-fetch" {
  type Options = Readonly<Record<string, unknown>>;
  type Answer = {
    readonly status: number;
    readonly headers: { get(name: string): string | null };
    json(): Promise<unknown>;
  };
  const npmFetch: {
    (path: string, options: Options): Promise<Answer>;
    pickRegistry(spec: object, options: Options): string;
  };
  export default npmFetch;
}
