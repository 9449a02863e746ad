import { HttpRequest, HttpResponse } from "@smithy/core/protocols";

/** An SDK client, as far as its middleware goes. */
export type Client = { readonly middlewareStack: { add: (...args: never[]) => void } };

export type SentRequest = {
  readonly command: string;
  readonly attempt: number;
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
};

type Next = (args: { request: unknown; input: unknown }) => Promise<{ response: unknown; output?: unknown }>;
type Context = { readonly commandName?: string };
type Middleware = (next: Next, context: Context) => Next;

function add(client: Client, middleware: Middleware, priority: "high" | "low"): void {
  const stack = client.middlewareStack as unknown as {
    add(middleware: Middleware, options: { step: "finalizeRequest"; priority: "high" | "low" }): void;
  };
  stack.add(middleware, { step: "finalizeRequest", priority });
}

/**
 * Records every request that goes out from here on, each attempt apart.
 * @param sent where to; several clients may share one, to record in which order they sent.
 */
export function recordRequests(client: Client, sent: SentRequest[] = []): SentRequest[] {
  add(
    client,
    (next, { commandName = "" }) =>
      async (args) => {
        if (HttpRequest.isInstance(args.request)) {
          const { method, path, headers, query } = args.request;
          const attempt = Number(/attempt=(\d+)/.exec(headers["amz-sdk-request"] ?? "")?.[1] ?? 1);
          sent.push({ command: commandName, attempt, method, path, query: query ?? {}, headers: { ...headers } });
        }
        return next(args);
      },
    "low",
  );
  return sent;
}

/** An error as S3 words it. */
export type Answer = { readonly status: number; readonly code: string };

/** What happens to a request: nothing; an answer instead of it (`before`) or in place of its own (`after`, it took effect); or a time-out. */
export type Fault =
  | undefined
  | ({ readonly when: "before" | "after" } & Answer)
  | { readonly when: "before" | "after"; readonly timeout: true };

type WireRequest = { readonly path: string; readonly headers: Readonly<Record<string, string>> };

/** Puts faults on the wire, under the SDK's own retries. */
export function injectFaults(client: Client, choose: (command: string, request: WireRequest) => Fault): void {
  add(
    client,
    (next, { commandName = "" }) =>
      async (args) => {
        const request = args.request as WireRequest;
        const fault = choose(commandName, request);
        if (fault === undefined) return next(args);
        if (fault.when === "after") await next(args);
        if ("timeout" in fault) throw Object.assign(new Error("injected"), { name: "TimeoutError", code: "ETIMEDOUT" });
        throw awsError(fault);
      },
    "low",
  );
}

export function answerWith(client: Client, answer: Answer): void {
  injectFaults(client, () => ({ when: "before", ...answer }));
}

function awsError({ status, code }: Answer): Error {
  const response = new HttpResponse({ statusCode: status });
  return Object.assign(new Error("injected"), {
    name: code,
    Code: code,
    $fault: status < 500 ? "client" : "server",
    $metadata: { httpStatusCode: status },
    $response: response,
    ...(status === 503 || status === 429 ? { $retryable: { throttling: true } } : {}),
  });
}

/** Pauses pass at once: messages that are given back for later are visible again now. */
export function skipPauses(client: Client): void {
  type Input = { readonly Entries?: readonly object[] };
  const stack = client.middlewareStack as unknown as {
    add(middleware: Middleware, options: { step: "initialize" }): void;
  };
  const middleware: Middleware =
    (next, { commandName }) =>
    (args) => {
      if (commandName !== "ChangeMessageVisibilityBatchCommand") return next(args);
      const input = args.input as Input;
      return next({
        ...args,
        input: { ...input, Entries: input.Entries?.map((entry) => ({ ...entry, VisibilityTimeout: 0 })) },
      });
    };
  stack.add(middleware, { step: "initialize" });
}

/** Runs something instead of sending a request; it may send it, too. */
export function beforeRequest(
  client: Client,
  instead: (
    send: () => Promise<{ response: unknown; output?: unknown }>,
    request: { readonly command: string; readonly path: string; readonly bucket: string },
  ) => Promise<{ response: unknown; output?: unknown }>,
): void {
  add(
    client,
    (next, { commandName = "" }) =>
      (args) => {
        const { path } = args.request as WireRequest;
        const bucket = (args.input as { readonly Bucket?: string }).Bucket ?? "";
        return instead(() => next(args), { command: commandName, path, bucket });
      },
    "low",
  );
}
