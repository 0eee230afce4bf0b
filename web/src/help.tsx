// The keys.
import { helpOpen } from "./state";

const KEYS: [string, string][] = [
  ["/", "search the table"],
  ["↑ ↓ or k j", "in the table: the treatment above, below"],
  ["Space", "in the table: into the selection, or out of it"],
  ["Ctrl + click, Shift + click", "in the table: one more, or all between"],
  ["Esc", "close what is open, else clear the selection"],
  ["1 … 6", "the view above: map, plates, activity, doses, similarity, features"],
  ["Shift + drag, or L", "in a plot: a lasso"],
  ["+ − 0", "in a plot or image: nearer, farther, all"],
  ["arrows", "in a plot or image: move; on a plate: from well to well"],
  ["h a r", "mark what is selected: hit, artefact, look again; the same key again takes it away"],
  ["Shift + h a r", "mark the well that is shown, alone"],
  ["z", "take the last mark back"],
  ["e", "pictures as large as the window"],
  ["d", "light or dark"],
  ["?", "these keys"],
];

export function Help() {
  if (!helpOpen.value) return null;
  return (
    <div class="popup centred" role="dialog" aria-label="Keys" aria-modal="true">
      <h2>Keys</h2>
      <dl class="keys">
        {KEYS.map(([key, what]) => (
          <div><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>
        ))}
      </dl>
      <h2>Search</h2>
      <p>
        Words are looked for in names, mechanisms and flags. <code>q&lt;0.05</code>, <code>effect&gt;2</code> compare a
        column; <code>mechanism:kinase</code> looks in one; <code>is:active</code>, <code>is:selected</code>, <code>is:marked</code> keep those.
      </p>
      <p class="soft">The address holds the view: copy it to come back, or to show somebody.</p>
      <button type="button" onClick={() => (helpOpen.value = false)}>Close</button>
    </div>
  );
}
