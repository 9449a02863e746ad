import assert from "node:assert/strict";

/** An answer whose body was read to its end. */
export type Answer = {
  /** `PUT /wire`, for messages. */
  readonly request: string;
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** The body as JSON; `undefined` when it is not JSON. */
  readonly json: unknown;
};

export async function readAnswer(request: string, response: Response): Promise<Answer> {
  const bytes = Buffer.from(await response.arrayBuffer());
  return { request, status: response.status, headers: response.headers, bytes, json: parsed(bytes) };
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** Asserts the status; the message has the answer's body. */
export function expectStatus(answer: Answer, ...statuses: readonly number[]): Answer {
  const body = answer.bytes.toString("utf8").slice(0, 300);
  assert.ok(
    statuses.includes(answer.status),
    `${answer.request} was answered with ${answer.status}, expected ${statuses.join(" or ")}: ${body}`,
  );
  return answer;
}

export function expectCode(answer: Answer, status: number, code: string): void {
  expectStatus(answer, status);
  assert.equal(at(answer.json, "code"), code, `the code of ${answer.request}`);
}

/** A header that must be there. */
export function header({ headers, request }: Answer, name: string): string {
  const value = headers.get(name);
  assert.ok(value, `${request} was answered without the header ${name}`);
  return value;
}

/**
 * A field inside a JSON value; `undefined` when it is not there.
 *
 * @example at(answer.json, "versions", "1.0.0", "dist")
 */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Readonly<Record<string | number, unknown>>)[key];
  }
  return found;
}

/** A field that must be a string. */
export function stringAt(value: unknown, ...path: readonly (string | number)[]): string {
  const found = at(value, ...path);
  assert.ok(typeof found === "string", `${path.join(".")} must be a string, and is ${JSON.stringify(found)}`);
  return found;
}

/** A field that must be an array. */
export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = at(value, ...path);
  assert.ok(Array.isArray(found), `${path.join(".")} must be an array, and is ${JSON.stringify(found)}`);
  return found;
}
