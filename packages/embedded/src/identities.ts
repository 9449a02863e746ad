import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from "node:crypto";
import { promisify } from "node:util";
import type { Clock, IdentityProvider, Profile } from "@codebox/core";
import type { Database, Row } from "./database.ts";

const derive = promisify<string, Uint8Array, number, ScryptOptions, Buffer>(scrypt);

/** OWASP's parameters for scrypt: 32 MiB and some 100 ms a guess. Source: OWASP Password Storage Cheat Sheet, scrypt. */
const COST: ScryptOptions = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 };
const HASH_BYTES = 32;
/** Password checks at a time; more wait. Guessing must not take the memory and the threads that others need. */
const CHECKS = 2;

/** Users with passwords in the embedded store. */
export function createIdentities(
  database: Database,
  clock: Clock,
  settings: { readonly registration: "open" | "closed" },
): IdentityProvider {
  const limited = createLimit(CHECKS);
  const hash = (password: string, salt: Uint8Array) =>
    limited(() => derive(password.normalize("NFC"), salt, HASH_BYTES, COST));
  const nobody = { salt: randomBytes(16), hash: randomBytes(HASH_BYTES) };
  const user = (name: string) => database.get("SELECT * FROM users WHERE name = ?", name);
  return {
    async login({ name, password, email }) {
      const known = user(name);
      // An unknown name costs the same time as a known one.
      const expected = known ? { salt: known["salt"] as Uint8Array, hash: known["hash"] as Uint8Array } : nobody;
      const matches = timingSafeEqual(await hash(password, expected.salt), expected.hash);
      if (known) return matches ? { ok: true, profile: profileOf(known) } : { ok: false, reason: "wrong_password" };
      if (settings.registration === "closed") return { ok: false, reason: "registration_closed" };
      const salt = randomBytes(16);
      const stored = await hash(password, salt);
      const added = await database.write(
        () =>
        database.run(
          "INSERT INTO users (name, email, salt, hash, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
          name, email ?? "", salt, stored, clock.now().getTime(),
        ), // prettier-ignore
      );
      return added > 0 ? { ok: true, profile: { name, email: email ?? "" } } : { ok: false, reason: "wrong_password" };
    },
    async find(name) {
      const known = user(name);
      if (known) return profileOf(known);
      // Whoever holds a token is somebody, also without a password.
      const holder = database.get("SELECT user FROM tokens WHERE user = ? LIMIT 1", name);
      return holder && { name, email: "" };
    },
  };
}

function profileOf(row: Row): Profile {
  return { name: String(row["name"]), email: String(row["email"]) };
}

function createLimit(most: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
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
