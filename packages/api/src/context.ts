import type {
  Clock,
  Identity,
  IdentityProvider,
  Ids,
  ObjectStore,
  Outcomes,
  PackumentReader,
  Submit,
  TokenStore,
  UpstreamCache,
} from "@codebox/core";
import type { Context, Hono } from "hono";

/** What the HTTP surface works with. Components; the settings are apart. */
export type ApiPorts = {
  readonly store: ObjectStore;
  readonly reader: PackumentReader;
  readonly submit: Submit;
  readonly outcomes: Outcomes;
  readonly identities: IdentityProvider;
  readonly tokens: TokenStore;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Absent: packages that are not ours do not exist. */
  readonly upstream?: UpstreamCache;
  /** Told of every request once it is answered. */
  readonly onRequest?: (entry: RequestLog) => void;
  /** Told of every failure that is ours (5xx), with the cause that the client does not see. */
  readonly onFailure?: (error: unknown, entry: { readonly method: string; readonly path: string }) => void;
};

export type ApiSettings = {
  /** Where clients reach the registry, without a trailing slash. Default: the request's own scheme and host. */
  readonly publicUrl?: string;
  /** Whether reading needs a token. */
  readonly anonymousRead: boolean;
  /** Milliseconds to wait for an outcome before a 202. */
  readonly waitMs: number;
  /** Bytes. */
  readonly tarballBytesMax: number;
};

export type RequestLog = {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Milliseconds until the answer began. */
  readonly ms: number;
  readonly user?: string;
  /** What the client says it is doing (`npm-command`). */
  readonly command?: string;
};

export type AppEnv = {
  Variables: {
    /** Who asks; absent: anonymous. */
    identity: Identity | undefined;
    /** `https://registry.acme.example`: the start of every URL in an answer. */
    origin: string;
  };
};
export type AppContext = Context<AppEnv>;
export type App = Hono<AppEnv>;

/** A group of routes; each is a file in routes/. */
export type Routes = (app: App, ports: ApiPorts, settings: ApiSettings) => void;
