import { TOTP, URI } from "otpauth";

/**
 * The code that an app shows at a time for the URL of a second factor.
 *
 * @example codeAt("otpauth://totp/…", clock.now()) // "123456"
 */
export function codeAt(url: string, at: Date): string {
  const totp = URI.parse(url);
  if (!(totp instanceof TOTP)) throw new TypeError("this is no URL of a code by time");
  return totp.generate({ timestamp: at.getTime() });
}
