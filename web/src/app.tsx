// The page: table left, two views in the middle, the selection right; one at a time on a phone.
import type { ComponentType } from "preact";
import { Component } from "preact";
import type { Signal } from "@preact/signals";
import { Header } from "./header";
import { Help } from "./help";
import { SelectionPanel } from "./selection/panel";
import { lower, noticed, phonePart, said, upper, VIEWS, type ViewName } from "./state";
import { ActivityView } from "./views/activity";
import { DosesView } from "./views/doses";
import { FeaturesView } from "./views/features";
import { MapView } from "./views/map";
import { PlatesView } from "./views/plates";
import { SimilarityView } from "./views/similarity";
import { TableView } from "./views/table";

const SHOWN: Record<ViewName, ComponentType> = {
  map: MapView,
  plates: PlatesView,
  activity: ActivityView,
  doses: DosesView,
  similarity: SimilarityView,
  features: FeaturesView,
};

/** What fails in one view leaves the others standing. */
class Guarded extends Component<{ what: string }, { trouble: string }> {
  state = { trouble: "" };
  static getDerivedStateFromError(error: Error) {
    return { trouble: error.message };
  }
  render() {
    if (!this.state.trouble) return this.props.children;
    return <p class="empty trouble" role="alert">{this.props.what} could not be shown: {this.state.trouble}</p>;
  }
}

function Pane({ which, label }: { which: Signal<ViewName>; label: string }) {
  const Shown = SHOWN[which.value];
  return (
    <section class="pane" aria-label={label}>
      <div class="tabs" role="tablist" aria-label={label}>
        {Object.entries(VIEWS).map(([key, name]) => (
          <button type="button" role="tab" aria-selected={which.value === key} onClick={() => (which.value = key as ViewName)}>
            {name}
          </button>
        ))}
      </div>
      <Guarded key={which.value} what={VIEWS[which.value]}><Shown /></Guarded>
    </section>
  );
}

const PARTS = { table: "Table", views: "Views", selection: "Selection" } as const;

export function App() {
  return (
    <div class={`page part-${phonePart.value}`}>
      <Header />
      <main>
        <section class="left" aria-label="Treatments">
          <Guarded what="The table"><TableView /></Guarded>
        </section>
        <div class="middle">
          <Pane which={upper} label="Upper view" />
          <Pane which={lower} label="Lower view" />
        </div>
        <section class="right" aria-label="Selection">
          <Guarded what="The selection"><SelectionPanel /></Guarded>
        </section>
      </main>
      <nav class="parts" aria-label="Parts of the page">
        {Object.entries(PARTS).map(([key, name]) => (
          <button type="button" aria-pressed={phonePart.value === key} onClick={() => (phonePart.value = key as keyof typeof PARTS)}>
            {name}
          </button>
        ))}
      </nav>
      <Help />
      {noticed.value && <p class="notice" aria-hidden="true">{noticed.value}</p>}
      <div class="unseen" role="status" aria-live="polite">{said.value}</div>
    </div>
  );
}
