// What the page asks for. Every path is relative: served and exported pages ask for the same.

/** A file that could not be had: `path` and why, in words. */
export class Missing extends Error {
  constructor(
    readonly path: string,
    readonly why: string,
  ) {
    super(`${path}: ${why}`);
  }
}

async function ask(path: string, options?: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Missing(path, "no answer (has the explorer been stopped?)");
  }
  if (!answer.ok) throw new Missing(path, await reason(answer));
  return answer;
}

async function reason(answer: Response): Promise<string> {
  const text = (await answer.text().catch(() => "")).trim();
  const said = text.startsWith("{") ? JSON.parse(text).error ?? text : text;
  if (said && said.length < 300 && !said.startsWith("<")) return said;
  return answer.status === 404 ? "not there" : `answered ${answer.status}`;
}

export const json = async <T>(path: string): Promise<T> => (await ask(path)).json();
export const text = async (path: string): Promise<string> => (await ask(path)).text();
export const bytes = async (path: string): Promise<ArrayBuffer> => (await ask(path)).arrayBuffer();

/** Sends JSON; only a served page has someone to send it to. */
export async function send<T>(method: "POST" | "PUT" | "DELETE", path: string, body: unknown) {
  const headers = { "Content-Type": "application/json" };
  const answer = await ask(path, { method, headers, body: JSON.stringify(body) });
  const said = await answer.text();
  return (said ? JSON.parse(said) : null) as T;
}

/** Remembers what was asked for once. A failure is forgotten, so that it can be asked for again. */
export function remembered<T>(get: (key: string) => Promise<T>, most = Infinity) {
  const kept = new Map<string, Promise<T>>();
  return (key: string): Promise<T> => {
    const known = kept.get(key);
    if (known) {
      kept.delete(key);
      kept.set(key, known);
      return known;
    }
    const asked = get(key);
    kept.set(key, asked);
    asked.catch(() => kept.delete(key));
    if (kept.size > most) kept.delete(kept.keys().next().value!);
    return asked;
  };
}
