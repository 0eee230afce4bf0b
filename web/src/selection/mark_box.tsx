// Marking what is looked at, with a note.
import { useEffect, useState } from "preact/hooks";
import { MARK_COLOURS, KEYS, markTrouble, marks, setMarks, WORDS, type Mark, type Thing, type Word } from "../marks";

/** `things` are marked together. */
export function MarkBox({ things, known, label }: { things: Thing[]; known?: Mark; label: string }) {
  marks.value;
  const [note, setNote] = useState(known?.note ?? "");
  useEffect(() => setNote(known?.note ?? ""), [known, label]);
  const put = (word: Word | null) => setMarks(things, word, note);
  return (
    <div class="markbox" role="group" aria-label={`Mark ${label}`}>
      {WORDS.map((word) => (
        <button
          type="button" class="chip" aria-pressed={known?.mark === word}
          title={`Mark as ${word} (${KEYS[word]}); z takes it back`}
          onClick={() => put(known?.mark === word ? null : word)}
        >
          <svg width="9" height="9" aria-hidden="true"><circle cx="4.5" cy="4.5" r="4.5" fill={MARK_COLOURS[word]} /></svg>
          {word}
        </button>
      ))}
      <input
        type="text" maxLength={2000} placeholder="Note" aria-label="Note" value={note}
        onInput={(event) => setNote(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Enter" && known && put(known.mark)}
        onBlur={() => known && note !== (known.note ?? "") && put(known.mark)}
      />
      {markTrouble.value && <p class="trouble" role="alert">{markTrouble.value}</p>}
    </div>
  );
}
