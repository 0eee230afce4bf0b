// A table as the page uses it: columns of numbers (missing is NaN) and of text (missing is "").
import { tableFromIPC, type Table } from "@uwdata/flechette";
import { bytes } from "./files";

export class Frame {
  readonly n: number;
  readonly names: string[];
  private numbers = new Map<string, Float64Array>();
  private texts = new Map<string, string[]>();
  private raws = new Map<string, ArrayLike<unknown>>();

  constructor(private table: Table) {
    this.n = table.numRows;
    this.names = table.schema.fields.map((field) => field.name);
  }

  /** What the file says of itself under a name. */
  said(name: string): string {
    return this.table.schema.metadata?.get(name) ?? "";
  }

  has(name: string): boolean {
    return this.names.includes(name);
  }

  raw(name: string): ArrayLike<unknown> {
    let found = this.raws.get(name);
    if (!found) {
      found = (this.table.getChild(name)?.toArray() ?? []) as ArrayLike<unknown>;
      this.raws.set(name, found);
    }
    return found;
  }

  number(name: string): Float64Array {
    let found = this.numbers.get(name);
    if (!found) {
      found = new Float64Array(this.n).fill(NaN);
      const raw = this.raw(name);
      for (let i = 0; i < raw.length; i++) {
        const value = raw[i];
        if (value !== null && value !== undefined) found[i] = Number(value);
      }
      this.numbers.set(name, found);
    }
    return found;
  }

  text(name: string): string[] {
    let found = this.texts.get(name);
    if (!found) {
      const raw = this.raw(name);
      found = Array.from({ length: this.n }, (_, i) => (raw[i] == null ? "" : String(raw[i])));
      this.texts.set(name, found);
    }
    return found;
  }

  /** Whether nothing stands in a column, or the same everywhere. */
  saysNothing(name: string): boolean {
    const values: ArrayLike<unknown> = this.isNumber(name) ? this.number(name) : this.text(name);
    const isEmpty = (value: unknown) => value === "" || Number.isNaN(value);
    for (let i = 1; i < values.length; i++) {
      if (values[i] !== values[0] && !(isEmpty(values[i]) && isEmpty(values[0]))) return false;
    }
    return values.length !== 1 || isEmpty(values[0]);
  }

  /** Whether a column holds numbers (a truth value is none). */
  isNumber(name: string): boolean {
    const raw = this.raw(name);
    for (let i = 0; i < raw.length; i++) {
      if (raw[i] !== null && raw[i] !== undefined) {
        return typeof raw[i] === "number" || typeof raw[i] === "bigint";
      }
    }
    return false;
  }
}

export const frame = async (path: string): Promise<Frame> =>
  new Frame(tableFromIPC(await bytes(path)));
