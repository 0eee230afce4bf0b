// The buttons that save a view: a drawing, a picture, and its numbers as a table.
import type { Form } from "./download";

interface Saving {
  /** What is saved, in words. */
  what: string;
  picture?: (form: Form) => void;
  table?: () => void;
  plain?: boolean;
}

export function Save({ what, picture, table, plain }: Saving) {
  const look = plain ? "plain soft" : "";
  const button = (form: string, kind: string, save: () => void) => (
    <button type="button" class={look} title={`Save ${what} as ${kind}`} onClick={save}>{form}</button>
  );
  return (
    <span class="saves">
      {picture && button("SVG", "a drawing", () => picture("SVG"))}
      {picture && button("PNG", "a picture", () => picture("PNG"))}
      {table && button("CSV", "a table", table)}
    </span>
  );
}
