import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from "node:crypto";

/**
 * Texts that only the holder of a secret can read, where we store no more than the secret's hash.
 *
 * A provider's token is stored so: sealed for the token of the registry that it belongs to. Who reads the store learns nothing.
 * X25519, HKDF-SHA-256 and AES-256-GCM. Sources: RFC 7748, RFC 5869, NIST SP 800-38D.
 */

/** What a DER-encoded X25519 private key begins with. Source: RFC 8410, 7. */
const PKCS8_START = Buffer.from("302e020100300506032b656e04220420", "hex");
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * The public key of a secret: with it anybody seals a text, and nobody reads one.
 *
 * @example seal(boxOf(token), "gho_…")
 */
export function boxOf(secret: string): string {
  return publicPart(createPublicKey(privateKeyOf(secret)));
}

/** Seals a text for the secret of a box. */
export function seal(box: string, text: string): string {
  const { privateKey, publicKey } = generateKeyPairSync("x25519");
  const iv = randomBytes(IV_BYTES);
  const sender = publicPart(publicKey);
  const cipher = createCipheriv("aes-256-gcm", keyOf(privateKey, box, { sender, box }), iv);
  const bytes = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return `${sender}.${Buffer.concat([iv, bytes, cipher.getAuthTag()]).toString("base64url")}`;
}

/** Opens a sealed text; `undefined` when it is not for this secret, or was changed. */
export function unseal(secret: string, sealed: string): string | undefined {
  const [sender = "", rest = ""] = sealed.split(".");
  const bytes = Buffer.from(rest, "base64url");
  try {
    const privateKey = privateKeyOf(secret);
    const key = keyOf(privateKey, sender, { sender, box: publicPart(createPublicKey(privateKey)) });
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, IV_BYTES));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]).toString("utf8");
  } catch {
    // A wrong key, or bytes that are no sealed text: Node says both by throwing.
    return undefined;
  }
}

function privateKeyOf(secret: string): KeyObject {
  const seed = Buffer.from(hkdfSync("sha256", secret, "", "codebox box", 32));
  return createPrivateKey({ key: Buffer.concat([PKCS8_START, seed]), format: "der", type: "pkcs8" });
}

function keyOf(
  privateKey: KeyObject,
  other: string,
  parties: { readonly sender: string; readonly box: string },
): Buffer {
  const publicKey = createPublicKey({ key: { kty: "OKP", crv: "X25519", x: other }, format: "jwk" });
  const shared = diffieHellman({ privateKey, publicKey });
  return Buffer.from(hkdfSync("sha256", shared, `${parties.sender}.${parties.box}`, "codebox seal", 32));
}

function publicPart(key: KeyObject): string {
  return String(key.export({ format: "jwk" }).x);
}
