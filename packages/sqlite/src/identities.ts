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
    const expected = known ? { salt: known["salt"] as Uint8Array, hash: hashOf(known) } : nobody;
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
    async changePassword({ name, old, new: chosen }) {
      const known = user(name);
      const verified = await verify(known, old);
      if (!known || !verified.ok) return verified;
      const salt = randomBytes(16);
      const stored = await hash(chosen, salt);
      // Only the password that was checked is replaced: another change may have come first.
      const changed = await database.write(() =>
        database.run(
          "UPDATE users SET salt = ?, hash = ? WHERE name = ? AND hash = ?",
          salt,
          stored,
          name,
          hashOf(known),
        ),
      );
      return changed > 0 ? verified : { ok: false, reason: "wrong_password" };
    },
    ...administration(database, { hash, insert, user }),
    async find(name) {
      const known = user(name);
      if (known) return profileOf(known);
      // The holder of a token is a user, also without a password.
      return holdsToken(name) ? { name, email: "" } : undefined;
    },
  };
}

type Passwords = {
  readonly hash: (password: string, salt: Uint8Array) => Promise<Uint8Array>;
  readonly insert: (name: string, email: string, salt: Uint8Array, stored: Uint8Array) => number;
  readonly user: (name: string) => Row | undefined;
};

/** What users and administrators change, and the list of users. */
function administration(
  database: Database,
  { hash, insert, user }: Passwords,
): Pick<IdentityProvider, "changeProfile" | "setPassword" | "endPassword" | "list"> {
  return {
    changeProfile: ({ name, email, fullname }) =>
      database.write(() => database.run(CHANGE_SQL, email ?? null, fullname ?? null, name) > 0),
    async setPassword({ name, password, email = "" }) {
      const salt = randomBytes(16);
      const stored = await hash(password, salt);
      return database.write(() => {
        if (database.get(OTHER_CAPITALS, name) !== undefined && !user(name)) return false;
        insert(name, email, salt, stored);
        return database.run("UPDATE users SET salt = ?, hash = ? WHERE name = ?", salt, stored, name) > 0;
      });
    },
    endPassword: (name) =>
      database
        .write(() =>
          // No password has this hash. The name stays taken.
          database.run("UPDATE users SET hash = ? WHERE name = ?", randomBytes(HASH_BYTES), name),
        )
        .then((changed) => changed > 0),
    async list(cursor = "") {
      const rows = database.all(LIST_SQL, cursor, USERS_PAGE);
      const last = rows.length === USERS_PAGE ? rows.at(-1) : undefined;
      return { users: rows.map(profileOf), ...(last ? { cursor: String(last["name"]) } : {}) };
    },
  };
}

/** Users in a page. */
const USERS_PAGE = 500;
const LIST_SQL = `SELECT name, email, fullname, created FROM users WHERE name > ?1
  UNION SELECT name, '', NULL, NULL FROM token_holders WHERE name > ?1 AND name NOT IN (SELECT name FROM users)
  ORDER BY name LIMIT ?2`;
const CHANGE_SQL = "UPDATE users SET email = coalesce(?, email), fullname = coalesce(?, fullname) WHERE name = ?";
const OTHER_CAPITALS = `SELECT 1 FROM (SELECT name FROM token_holders UNION SELECT name FROM users)
  WHERE lower(name) = lower(?1) AND name <> ?1 LIMIT 1`;
const SAME_BUT_FOR_CAPITALS = `SELECT 1 FROM token_holders WHERE lower(name) = lower(?1)
  UNION ALL SELECT 1 FROM users WHERE lower(name) = lower(?1) AND name <> ?1 LIMIT 1`;

function hashOf(row: Row): Uint8Array {
  return row["hash"] as Uint8Array;
}

function profileOf(row: Row): Profile {
  const { name, email, fullname, created } = row;
  return {
    name: String(name),
    email: String(email),
    ...(typeof fullname === "string" && fullname !== "" ? { fullname } : {}),
    // oxlint-disable-next-line no-restricted-globals -- formats a recorded time; no clock is read
    ...(created === null ? {} : { created: new Date(Number(created)).toISOString() }),
  };
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
