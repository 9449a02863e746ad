import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from "node:crypto";
import { promisify } from "node:util";
import {
  IdentityUnavailable,
  PASSWORD_MIN,
  type Clock,
  type IdentityProvider,
  type Profile,
  type VerifyResult,
} from "@codebox/core";
import type { Database, Row } from "./database.ts";

const derive = promisify<string, Uint8Array, number, ScryptOptions, Buffer>(scrypt);

/** OWASP's parameters for scrypt: 32 MiB and some 100 ms a guess. Source: OWASP Password Storage Cheat Sheet, scrypt. */
const COST: ScryptOptions = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 };
const HASH_BYTES = 32;
/** Password checks at a time; more wait. Guessing must not take the memory and the threads that others need. */
const CHECKS = 2;
/** Checks that may wait: some three seconds of them. More are refused, so that a right password does not wait behind guesses. */
const WAITING_MAX = 64;

export type IdentitySettings = {
  readonly registration: "open" | "closed";
  /** Names that nobody can register, also while they hold no token: those for which the server makes tokens of its own. */
  readonly reserved: readonly string[];
};

/** Users with passwords in the embedded store, and those who hold a token and have none. */
export function createIdentities(database: Database, clock: Clock, settings: IdentitySettings): IdentityProvider {
  const limited = createLimit(CHECKS);
  const hash = (password: string, salt: Uint8Array) =>
    limited(() => derive(password.normalize("NFC"), salt, HASH_BYTES, COST));
  const nobody = { salt: randomBytes(16), hash: randomBytes(HASH_BYTES) };
  const user = (name: string) => database.get("SELECT * FROM users WHERE name = ?", name);
  const insert = (name: string, email: string, salt: Uint8Array, stored: Uint8Array) =>
    database.run(
      "INSERT INTO users (name, email, salt, hash, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
      name,
      email,
      salt,
      stored,
      clock.now().getTime(),
    );
  const holdsToken = (name: string) =>
    database.get("SELECT user FROM tokens WHERE user = ? LIMIT 1", name) !== undefined;
  /** Also in other capitals: `Admin` beside `admin` is there to deceive. */
  const isTaken = (name: string) =>
    settings.reserved.some((reserved) => reserved.toLowerCase() === name.toLowerCase()) ||
    database.get(SAME_BUT_FOR_CAPITALS, name) !== undefined;
  /** An unknown name costs the same time as a known one. */
  const verify = async (known: Row | undefined, password: string): Promise<VerifyResult> => {
    const expected = known ? { salt: known["salt"] as Uint8Array, hash: known["hash"] as Uint8Array } : nobody;
    const matches = timingSafeEqual(await hash(password, expected.salt), expected.hash);
    if (!known) return { ok: false, reason: "no_password" };
    return matches ? { ok: true, profile: profileOf(known) } : { ok: false, reason: "wrong_password" };
  };
  return {
    verify: ({ name, password }) => verify(user(name), password),
    async login({ name, password, email, mayRegister = true }) {
      const known = user(name);
      const verified = await verify(known, password);
      if (known || isTaken(name)) return verified;
      if (settings.registration === "closed" || !mayRegister) return { ok: false, reason: "registration_closed" };
      if (password.length < PASSWORD_MIN) return { ok: false, reason: "weak_password" };
      const salt = randomBytes(16);
      const stored = await hash(password, salt);
      // Looked at again where nothing can come between: a token may have been made meanwhile.
      const added = await database.write(() => (isTaken(name) ? undefined : insert(name, email ?? "", salt, stored)));
      if (added === undefined) return { ok: false, reason: "no_password" };
      return added > 0 ? { ok: true, profile: { name, email: email ?? "" } } : { ok: false, reason: "wrong_password" };
    },
    async find(name) {
      const known = user(name);
      if (known) return profileOf(known);
      // The holder of a token is a user, also without a password.
      return holdsToken(name) ? { name, email: "" } : undefined;
    },
  };
}

const SAME_BUT_FOR_CAPITALS = `SELECT 1 FROM token_holders WHERE lower(name) = lower(?1)
  UNION ALL SELECT 1 FROM users WHERE lower(name) = lower(?1) AND name <> ?1 LIMIT 1`;

function profileOf(row: Row): Profile {
  return { name: String(row["name"]), email: String(row["email"]) };
}

function createLimit(most: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= most && waiting.length >= WAITING_MAX)
      throw new IdentityUnavailable("too many passwords are being checked; try again in a moment");
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
