import type {
  Backend,
  Catalog,
  Clock,
  Audit,
  AuditEvent,
  IdentityProvider,
  Ids,
  ObjectStore,
  Outcomes,
  PackumentReader,
  Policy,
  PolicySettings,
  Principal,
  Release,
  RightsStore,
  SecondFactors,
  SearchReader,
  Sessions,
  Submit,
  TokenLifetimes,
  TokenStore,
  UpstreamCache,
  WorkloadVerifier,
} from "@codebox/core";
import type { Context, Hono } from "hono";
import type { Allowance } from "./intake.ts";
import type { ApiError } from "./errors.ts";
import type { Passwords } from "./passwords.ts";
import type { SignIns } from "./sign-ins.ts";

/** What every app needs, whichever routes it serves. */
export type AppPorts = {
  readonly tokens: TokenStore;
  readonly policy: Policy;
  readonly clock: Clock;
  /** Absent: nobody has a password. */
  readonly passwords?: Passwords;
  /** Keeps what happens around access. Absent: nothing is kept. */
  readonly audit?: Audit;
  /** Absent: nobody has a second factor, and what needs one is refused. */
  readonly factors?: SecondFactors;
  /** Where people sign in besides. Absent: nowhere. */
  readonly signIns?: SignIns;
  /** The client's address, for tokens of some networks, back-off and the log of refusals; `undefined` when the host does not know it. */
  readonly addressOf?: (c: AppContext) => string | undefined;
  /**
   * Called with the hash of a token that is used for something else than reading. Its promise is awaited after the handler, so it
   * runs beside it; a host that outlives its requests returns none.
   */
  readonly onTokenUse?: (hash: string) => Promise<void> | void;
  /** The id that a gateway in front gave to the request, as in the gateway's own log. */
  readonly requestIdOf?: (c: AppContext) => string | undefined;
  /** Called for every request once it is answered. */
  readonly onRequest?: (entry: RequestLog) => void;
  /** Called for every failure that is ours (5xx), with the cause that the client does not see. */
  readonly onFailure?: (error: unknown, entry: { readonly method: string; readonly path: string }) => void;
};

/** What the reading routes need. Nothing here can change a package. */
export type ReadPorts = {
  readonly store: ObjectStore;
  readonly reader: PackumentReader;
  readonly catalog: Catalog;
  readonly outcomes: Outcomes;
  readonly searchIndex: SearchReader;
  readonly policy: Policy;
  readonly clock: Clock;
  /** Absent: packages that are not ours do not exist. */
  readonly upstream?: UpstreamCache;
  /** For the health check. Absent: a store that can be read can be written. */
  readonly checkWritable?: Backend["checkWritable"];
} & Pick<AppPorts, "onFailure">;

/** What the routes that change packages need. */
export type WritePorts = {
  readonly store: ObjectStore;
  readonly reader: PackumentReader;
  readonly catalog: Catalog;
  readonly policy: Policy;
  readonly submit: Submit;
  readonly release: Release;
  readonly ids: Ids;
  readonly clock: Clock;
} & Pick<AppPorts, "onFailure" | "factors">;

/** What reading and changing the rights needs. */
export type RightsPorts = {
  readonly rights: RightsStore;
  readonly reader: PackumentReader;
  readonly searchIndex: Pick<SearchReader, "list">;
  readonly policy: Policy;
  /** The settings that the policy has besides the rights. */
  readonly policySettings: Omit<PolicySettings, "rights">;
} & Pick<AppPorts, "factors">;

/** What signing in and the routes of an account need. */
export type AccountPorts = {
  readonly identities: IdentityProvider;
  readonly passwords: Passwords;
  readonly tokens: TokenStore;
  readonly policy: Policy;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Signing in with a browser. Absent: clients ask for name and password themselves. */
  readonly webLogin?: WebLogin;
} & Pick<AppPorts, "addressOf" | "signIns" | "factors" | "onFailure">;

/** Signing in with a browser. */
export type WebLogin = {
  readonly sessions: Sessions;
  /** Whether people have passwords here. */
  readonly passwords: boolean;
};

/** What the complete HTTP surface needs. Components only; the settings are separate. */
export type ApiPorts = AppPorts &
  ReadPorts &
  WritePorts &
  RightsPorts &
  AccountPorts & {
    /** Checks the ID tokens of CI jobs. */
    readonly verifier: WorkloadVerifier;
  };

/** The settings of the HTTP surface. */
export type ApiSettings = {
  /** Where clients reach the registry, without a trailing slash. Default: the request's own scheme and host. */
  readonly publicUrl?: string;
  /** Whether a Host header names this registry (`hostCheck`). Default: every host is answered, since a gateway has checked it. */
  readonly isKnownHost?: (host: string) => boolean;
  /** Milliseconds to wait for an outcome before a 202. */
  readonly waitMs: number;
  /** Bytes. */
  readonly tarballBytesMax: number;
  /** Bytes of memory for packuments as they go over the wire. Default: 64 MiB. */
  readonly viewBytes?: number;
  /** How long the tokens live that users make. Default: without an end. */
  readonly tokenLifetimes?: TokenLifetimes;
};

/** One answered request, for the log. */
export type RequestLog = {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Milliseconds until the answer began. */
  readonly ms: number;
  readonly user?: string;
  /** What the client says it is doing (`npm-command`). */
  readonly command?: string;
  /** The rule that refused the request. */
  readonly rule?: string;
  /** The client's address, of a refused request (401, 403). */
  readonly address?: string;
  /** The id in the gateway's log. */
  readonly request?: string;
  /** The id of the change that the request made, as in the logs of the consumer and in the event. */
  readonly change?: string;
};

/** Who sent a request. `refusal`: its credentials are nobody's. */
export type Caller = { readonly principal: Principal; readonly refusal?: ApiError };

/** What the middleware knows of a request. */
export type AppEnv = {
  Variables: {
    /** Who asks. Anonymous until the right of the route is checked. */
    principal: Principal;
    /** Finds out who asks. Called by the check of the route's right. */
    caller: () => Promise<Caller>;
    /** `https://registry.acme.example`: the start of every URL in an answer. */
    origin: string;
    /** Records what the request did, for the audit log: who and from where is added. */
    audit: (event: Omit<AuditEvent, "address">) => void;
    /** The right of the route; absent for a path that is none. */
    right?: string;
    /** The rule that refused. */
    refusedBy?: string;
    /** What the request's body may cost. */
    allowance: Allowance;
  };
};
/** Hono's context with our variables. */
export type AppContext = Context<AppEnv>;
/** An assembled HTTP app: `createApp` makes one. */
export type App = Hono<AppEnv>;
