import { isReadableName, isRecord, Scope, type Clock } from "@codebox/core";
import type { NpmConfig } from "@codebox/upstream";
import npa from "npm-package-arg";
import npmFetch from "npm-registry-fetch";
import { CommandError, UsageError } from "./errors.ts";
import { applied, refusal, type Options } from "./registry.ts";

export type ClientPorts = { readonly clock: Clock; readonly signal: AbortSignal; readonly config: NpmConfig };
type Body = Readonly<Record<string, unknown>>;

/** A registry's routes for one package, with the registry and the token of npm's settings. */
export type PackageClient = {
  readonly name: string;
  /** `path` follows the package's own path. @throws CommandError with what the registry said */
  get(path: string): Promise<Body>;
  /** Sends a change and waits until it is applied. @throws CommandError when it is refused */
  send(method: "POST" | "PUT", path: string, body: object, why?: Reason): Promise<Body>;
};

/** Why a change is made: words, and the CI run. */
export type Reason = { readonly message?: string | undefined; readonly run?: string | undefined };

/**
 * Speaks with the registry that npm would use for a package.
 *
 * @example const client = packageClient(ports, "@acme/wire"); await client.get("/dist-tags/history?limit=20");
 */
export function packageClient(ports: ClientPorts, name: string): PackageClient {
  if (!isReadableName(name)) throw new UsageError(`"${name}" is not a package name`);
  const spec = npa.resolve(name, "*");
  return clientOf(ports, { name, spec, base: `/-/package/${spec.escapedName}` });
}

/**
 * The same for a scope: its routes begin with `/-/scope/@acme`.
 *
 * @example await scopeClient(ports, "@acme").get("/rules")
 */
export function scopeClient(ports: ClientPorts, scope: string): PackageClient {
  if (!Scope.safeParse(scope).success) throw new UsageError(`"${scope}" is not a scope; write it as "@acme"`);
  return clientOf(ports, { name: scope, spec: npa.resolve(`${scope}/any`, "*"), base: `/-/scope/${scope}` });
}

/** `spec` chooses the registry and the token, as npm does. */
function clientOf(
  { clock, signal, config }: ClientPorts,
  { name, spec, base }: { readonly name: string; readonly spec: object; readonly base: string },
): PackageClient {
  const options: Options = { ...config.options, spec, signal };
  const call = async (path: string, more: Options) => {
    const whole = `${base}${path}`;
    const answer = await npmFetch(whole, { ...options, ...more }).catch((error: unknown) => {
      throw refusal(error);
    });
    const body = await answer.json();
    if (!isRecord(body))
      throw new CommandError(`the registry's answer to ${whole} is none of codebox's; is the registry's URL right?`);
    return { answer, body };
  };
  return {
    name,
    get: async (path) => (await call(path, {})).body,
    async send(method, path, body, why = {}) {
      const { answer, body: said } = await call(path, { method, body, headers: headersOf(why) });
      const outcome = await applied(answer, `the change of ${name}`, { options, clock, signal });
      return outcome ?? said;
    },
  };
}

/** The names of the packages of a scope that the caller may read. @throws CommandError with what the registry said */
export async function packagesOf({ config, signal }: ClientPorts, scope: string): Promise<readonly string[]> {
  const spec = npa.resolve(`${scope}/any`, "*");
  const path = `/-/org/${scope.slice(1)}/package`;
  try {
    const answer = await npmFetch(path, { ...config.options, spec, signal });
    return Object.keys(Object(await answer.json())).toSorted();
  } catch (error) {
    if (isRecord(error) && error["statusCode"] === 404) return [];
    throw refusal(error);
  }
}

function headersOf({ message, run }: Reason): Readonly<Record<string, string>> {
  return {
    ...(message === undefined ? {} : { "codebox-message": encodeURIComponent(message) }),
    ...(run === undefined ? {} : { "codebox-run": encodeURIComponent(run) }),
  };
}
