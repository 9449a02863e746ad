/** The password of every account that `signUp` makes. */
export const PASSWORD = "a long password";

/** Makes an account where registration is open, and returns its token. */
export async function signUp(url: string, name: string): Promise<string> {
  const answer = await fetch(`${url}/-/user/org.couchdb.user:${name}`, {
    method: "PUT",
    body: JSON.stringify({ name, password: PASSWORD }),
    headers: { "content-type": "application/json" },
  });
  return ((await answer.json()) as { token: string }).token;
}
