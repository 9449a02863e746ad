type Send = (url: string, init?: RequestInit) => Response | Promise<Response>;
export type Shown = { readonly status: number; readonly text: string; readonly headers: Headers };

/**
 * A browser without a screen: it keeps cookies by origin, and sends the forms of the page that it shows.
 *
 * @example const page = browser(fetch); await page.open(loginUrl); await page.submit("password", { name, password });
 */
export function browser(send: Send) {
  const jar = new Map<string, Map<string, string>>();
  let text = "";
  const request = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const { origin } = new URL(url);
    const cookies = jar.get(origin) ?? new Map<string, string>();
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { ...(init.headers as Record<string, string>), ...(cookie === "" ? {} : { cookie }) };
    const response = await send(url, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const at = pair.indexOf("=");
      cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    jar.set(origin, cookies);
    return response;
  };
  const show = async (response: Response): Promise<Shown> => {
    text = await response.text();
    return { status: response.status, text, headers: response.headers };
  };
  /** The form of the page whose action ends so. */
  const formOf = (action: string) => {
    const form = new RegExp(`<form method="post" action="([^"]*/${action})">([^]*?)</form>`).exec(text);
    return { url: form?.[1] ?? "", content: form?.[2] ?? "" };
  };
  const csrf = (action: string) => /name="csrf" value="([^"]+)"/.exec(formOf(action).content)?.[1] ?? "";
  const post = async (url: string, fields: URLSearchParams) => {
    const headers = {
      "content-type": "application/x-www-form-urlencoded",
      origin: new URL(url).origin,
      "sec-fetch-site": "same-origin",
    };
    return request(url, { method: "POST", body: fields.toString(), headers });
  };
  return {
    request,
    csrf,
    post,
    open: async (url: string) => show(await request(url)),
    /** Sends a form without following where it leads. */
    send: (action: string, fields: Record<string, string> = {}) =>
      post(formOf(action).url, new URLSearchParams({ csrf: csrf(action), ...fields })),
    submit: async (action: string, fields: Record<string, string>) =>
      show(await post(formOf(action).url, new URLSearchParams({ csrf: csrf(action), ...fields }))),
  };
}
