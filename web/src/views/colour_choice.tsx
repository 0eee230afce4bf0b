// Chooses what points and plates are coloured by; features are searched by name.
import { useEffect, useState } from "preact/hooks";
import { colourBy } from "../state";
import { choices, features, featureTrouble, key, wantFeatures } from "../values";
import { theScreen } from "../state";

const SHOWN = 60;

export function ColourChoice() {
  const groups = [...new Set(choices.value.map((choice) => choice.group))];
  const [searching, setSearching] = useState(false);
  const feature = key.value.startsWith("feature:") ? Number(key.value.slice(8)) : -1;
  if (feature >= 0) wantFeatures();
  const chosen = features.value?.find((one) => one.id === feature);
  return (
    <span class="choice">
      <label>
        Colour{" "}
        <select
          value={key.value}
          onChange={(event) => {
            const value = event.currentTarget.value;
            if (value !== "search") colourBy.value = value;
            else {
              event.currentTarget.value = key.value;
              setSearching(true);
            }
          }}
        >
          {theScreen().about.features > 0 && <option value="search">A feature …</option>}
          {feature >= 0 && <option value={key.value}>{chosen?.name ?? `feature ${feature}`}</option>}
          {groups.map((group) => (
            <optgroup label={group}>
              {choices.value
                .filter((choice) => choice.group === group)
                .map((choice) => (
                  <option value={choice.key}>{choice.label}</option>
                ))}
            </optgroup>
          ))}
        </select>
      </label>
      {searching && <FeatureSearch close={() => setSearching(false)} />}
    </span>
  );
}

function FeatureSearch({ close }: { close: () => void }) {
  const [text, setText] = useState("");
  useEffect(wantFeatures, []);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = (features.value ?? []).filter((one) => {
    const all = `${one.name} ${one.representation} ${one.compartment ?? ""} ${one.family ?? ""} ${one.stain ?? ""}`;
    return words.every((word) => all.toLowerCase().includes(word));
  });
  return (
    <div class="popup centred" role="dialog" aria-label="Choose a feature">
      <input
        type="search"
        autoFocus
        placeholder="Name, compartment, family or stain"
        aria-label="Search features"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") close();
          if (event.key === "Enter" && found[0]) {
            colourBy.value = `feature:${found[0].id}`;
            close();
          }
          event.stopPropagation();
        }}
      />
      <ul>
        {found.slice(0, SHOWN).map((one) => (
          <li>
            <button type="button" onClick={() => { colourBy.value = `feature:${one.id}`; close(); }}>
              {one.name} <small>{one.representation}</small>
            </button>
          </li>
        ))}
      </ul>
      <p class="soft">
        {featureTrouble.value || (features.value ? `${found.length} of ${features.value.length}` : "Reading …")}
      </p>
      <button type="button" onClick={close}>Close</button>
    </div>
  );
}
