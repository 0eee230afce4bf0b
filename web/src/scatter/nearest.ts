// Which point is under the pointer, which are inside a lasso: points sorted into a grid of boxes.
export class Boxes {
  private readonly first: Int32Array;
  private readonly order: Int32Array;
  private readonly side: number;
  private readonly low: [number, number];
  private readonly step: [number, number];

  constructor(
    private x: Float32Array,
    private y: Float32Array,
  ) {
    const n = x.length;
    this.side = Math.max(1, Math.min(512, Math.round(Math.sqrt(n / 4))));
    const [x0, x1] = bounds(x);
    const [y0, y1] = bounds(y);
    this.low = [x0, y0];
    this.step = [(x1 - x0) / this.side || 1, (y1 - y0) / this.side || 1];
    const box = new Int32Array(n);
    this.first = new Int32Array(this.side * this.side + 1);
    for (let i = 0; i < n; i++) {
      box[i] = Number.isFinite(x[i]) && Number.isFinite(y[i]) ? this.box(x[i], 0) + this.box(y[i], 1) * this.side : -1;
      if (box[i] >= 0) this.first[box[i] + 1]++;
    }
    for (let i = 1; i < this.first.length; i++) this.first[i] += this.first[i - 1];
    this.order = new Int32Array(this.first[this.first.length - 1]);
    const next = this.first.slice();
    for (let i = 0; i < n; i++) if (box[i] >= 0) this.order[next[box[i]]++] = i;
  }

  private box(value: number, axis: 0 | 1): number {
    const place = Math.floor((value - this.low[axis]) / this.step[axis]);
    return Math.min(this.side - 1, Math.max(0, place));
  }

  /** All points in a box of the data. */
  *within(x0: number, x1: number, y0: number, y1: number): Generator<number> {
    const [left, right] = [this.box(Math.min(x0, x1), 0), this.box(Math.max(x0, x1), 0)];
    const [top, bottom] = [this.box(Math.min(y0, y1), 1), this.box(Math.max(y0, y1), 1)];
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        const at = row * this.side + column;
        for (let k = this.first[at]; k < this.first[at + 1]; k++) yield this.order[k];
      }
    }
  }

  /** The point nearest to a place, at most `reach` away on each axis (in data units); -1 for none. */
  nearest([px, py]: [number, number], reach: [number, number]): number {
    let [best, least] = [-1, 1];
    for (const i of this.within(px - reach[0], px + reach[0], py - reach[1], py + reach[1])) {
      const far = ((this.x[i] - px) / reach[0]) ** 2 + ((this.y[i] - py) / reach[1]) ** 2;
      if (far < least) [best, least] = [i, far];
    }
    return best;
  }

  inside(outline: [number, number][]): number[] {
    const [xs, ys] = [outline.map((p) => p[0]), outline.map((p) => p[1])];
    const found: number[] = [];
    for (const i of this.within(Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys))) {
      if (isInside([this.x[i], this.y[i]], outline)) found.push(i);
    }
    return found.sort((a, b) => a - b);
  }
}

export function bounds(values: Float32Array): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 1];
}

/** Crossings of a ray to the right. */
function isInside([x, y]: [number, number], outline: [number, number][]): boolean {
  let inside = false;
  for (let i = 0, j = outline.length - 1; i < outline.length; j = i++) {
    const [[ax, ay], [bx, by]] = [outline[i], outline[j]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}
