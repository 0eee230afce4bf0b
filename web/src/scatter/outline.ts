// A lasso in few numbers, so that an address can hold it: what is selected is what they say.
type Spot = [number, number];

const MOST = 60;

/** At most so many corners, each rounded to less than a pixel; `scale` is pixels a unit. */
export function simpler(outline: Spot[], scale: Spot): Spot[] {
  const digits = scale.map((one) => Math.max(0, Math.ceil(Math.log10(Math.abs(one))) + 1));
  const rounded = outline.map(([x, y]): Spot => [Number(x.toFixed(digits[0])), Number(y.toFixed(digits[1]))]);
  let kept = rounded;
  for (let apart = 2; kept.length > MOST; apart *= 1.4) {
    kept = rounded.slice(0, 1);
    for (const spot of rounded) {
      const [x, y] = kept[kept.length - 1];
      if (Math.hypot((spot[0] - x) * scale[0], (spot[1] - y) * scale[1]) > apart) kept.push(spot);
    }
  }
  return kept;
}

/** `x,y_x,y` */
export const asText = (outline: Spot[]): string => outline.map((spot) => spot.join(",")).join("_");

/** Null where the text is no outline. */
export function ofText(text: string): Spot[] | null {
  const outline = text.split("_").map((spot) => spot.split(",").map(Number) as Spot);
  const isOutline = outline.length > 2 && outline.every((spot) => spot.length === 2 && spot.every(Number.isFinite));
  return isOutline ? outline : null;
}
