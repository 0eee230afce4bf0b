// What is fetched when it is looked at: nothing yet, found, or missing with the reason.
import { useEffect, useState } from "preact/hooks";
import { Missing } from "./data/files";

export type Waited<T> = { found: T } | { missing: string } | null;

/** Asks anew when `key` changes; an answer that comes too late is dropped. */
export function useWaited<T>(key: unknown, get: () => Promise<T>): Waited<T> {
  const [state, setState] = useState<{ key: unknown; answer: Waited<T> }>({ key, answer: null });
  useEffect(() => {
    let isWanted = true;
    const put = (answer: Waited<T>) => isWanted && setState({ key, answer });
    get().then(
      (found) => put({ found }),
      (error) => put({ missing: error instanceof Missing ? error.why : String(error?.message ?? error) }),
    );
    return () => {
      isWanted = false;
    };
  }, [key]);
  return state.key === key ? state.answer : null;
}

export function Waiting({ for: waited, what }: { for: Waited<unknown>; what: string }) {
  if (!waited) return <p class="empty">Reading {what} …</p>;
  if ("missing" in waited) return <p class="empty">No {what}: {waited.missing}</p>;
  return null;
}
