// Light or dark: as the system says, until a person says otherwise.
import { computed, effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const KEPT = "phenolens theme";

const kept = (): Theme => {
  try {
    const said = localStorage.getItem(KEPT);
    return said === "light" || said === "dark" ? said : "system";
  } catch {
    return "system";
  }
};

const wish = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(wish.matches);
wish.addEventListener("change", (event) => (systemIsDark.value = event.matches));

export const theme = signal<Theme>(kept());
export const isDark = computed(() =>
  theme.value === "system" ? systemIsDark.value : theme.value === "dark",
);

effect(() => {
  document.documentElement.dataset.theme = isDark.value ? "dark" : "light";
  try {
    localStorage.setItem(KEPT, theme.value);
  } catch {
    // A browser that keeps nothing shows what the system says next time.
  }
});

export const switchTheme = (): void => {
  theme.value = isDark.peek() ? "light" : "dark";
};
