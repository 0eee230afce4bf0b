// Files made in the page: pictures and tables of what is seen.
import { Context } from "svgcanvas";

export function save(name: string, blob: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export const saveText = (name: string, text: string, type: string): void =>
  save(name, new Blob([text], { type: `${type};charset=utf-8` }));

type Cell = string | number | null | undefined;

// A spreadsheet takes text that begins so for a formula.
const FORMULA = /^[=+\-@\t\r]/;

function cell(value: Cell): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return Number.isNaN(value) ? "" : String(value);
  const safe = FORMULA.test(value) && Number.isNaN(Number(value)) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csv(header: string[], rows: Iterable<Cell[]>): string {
  const lines = [header.map(cell).join(",")];
  for (const row of rows) lines.push(row.map(cell).join(","));
  return `${lines.join("\n")}\n`;
}

export const saveCsv = (name: string, header: string[], rows: Iterable<Cell[]>): void =>
  saveText(name, csv(header, rows), "text/csv");

const savePng = (name: string, canvas: HTMLCanvasElement): void =>
  canvas.toBlob((blob) => blob && save(name, blob), "image/png");

/** What is drawn into a canvas on the page, and again into a file: as a picture or as a drawing. */
export interface Drawing {
  width: number;
  height: number;
  draw: (context: CanvasRenderingContext2D) => void;
}

export type Form = "SVG" | "PNG";

const ground = () => getComputedStyle(document.documentElement).getPropertyValue("--paper").trim() || "#fff";

// Browsers make no larger canvas.
const WIDEST = 16_000;

/** A drawing as a file, on the page's own ground; a PNG is twice as fine as the screen. */
export function saveDrawing(name: string, form: Form, { width, height, draw }: Drawing): void {
  const canvas = document.createElement("canvas");
  const context: CanvasRenderingContext2D =
    form === "SVG" ? new Context({ width, height }) : canvas.getContext("2d")!;
  const scale = Math.min(2, WIDEST / width, WIDEST / height);
  if (form === "PNG") {
    [canvas.width, canvas.height] = [width * scale, height * scale];
    context.scale(scale, scale);
  }
  context.fillStyle = ground();
  context.fillRect(0, 0, width, height);
  draw(context);
  if (form === "PNG") savePng(`${name}.png`, canvas);
  else saveText(`${name}.svg`, (context as Context).getSerializedSvg(true), "image/svg+xml");
}

/** An SVG of the page as a file. */
export const saveSvg = (name: string, form: Form, svg: SVGSVGElement): Promise<void> =>
  saved(name, form, standalone(svg));

const TITLE = 20;
const APART = 12;

/** Several of one size in one file, in rows, each under its title. */
export function saveSvgs(name: string, form: Form, all: { svg: SVGSVGElement; title: string }[]): Promise<void> {
  const { width, height } = all[0].svg.getBoundingClientRect();
  const across = Math.ceil(Math.sqrt(all.length));
  const sheet = document.createElementNS(SVG, "svg");
  sheet.setAttribute("width", String(across * (width + APART)));
  sheet.setAttribute("height", String(Math.ceil(all.length / across) * (height + TITLE + APART)));
  all.forEach(({ svg, title }, i) => {
    const [x, y] = [(i % across) * (width + APART), Math.floor(i / across) * (height + TITLE + APART)];
    const text = document.createElementNS(SVG, "text");
    const look = { x: x + 8, y: y + 15, "font-family": "sans-serif", "font-size": 12, fill: getComputedStyle(svg).color };
    for (const [key, value] of Object.entries(look)) text.setAttribute(key, String(value));
    text.textContent = title;
    const one = standalone(svg);
    one.setAttribute("x", String(x));
    one.setAttribute("y", String(y + TITLE));
    sheet.append(text, one);
  });
  return saved(name, form, sheet);
}

async function saved(name: string, form: Form, svg: SVGSVGElement): Promise<void> {
  // Its ground goes with it: what is light on dark would else be light on white.
  const under = document.createElementNS(SVG, "rect");
  for (const [key, value] of Object.entries({ width: "100%", height: "100%", fill: ground() })) under.setAttribute(key, value);
  svg.prepend(under);
  const text = new XMLSerializer().serializeToString(svg);
  if (form === "SVG") return saveText(`${name}.svg`, text, "image/svg+xml");
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await picture.decode();
  const [width, height] = ["width", "height"].map((side) => Number(svg.getAttribute(side)));
  saveDrawing(name, form, { width, height, draw: (context) => context.drawImage(picture, 0, 0, width, height) });
}

const SVG = "http://www.w3.org/2000/svg";

// Styles that the page's sheet gives must travel with the picture.
const LOOKS = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "fill-opacity",
  "stroke-opacity", "font-size", "font-family", "font-weight", "text-anchor", "dominant-baseline"];

/** A copy that looks the same outside the page. */
function standalone(svg: SVGSVGElement): SVGSVGElement {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const [from, to] = [[svg, ...svg.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
  from.forEach((element, i) => {
    const look = getComputedStyle(element);
    for (const name of LOOKS) to[i].setAttribute(name, look.getPropertyValue(name));
  });
  const box = svg.getBoundingClientRect();
  copy.setAttribute("width", String(box.width));
  copy.setAttribute("height", String(box.height));
  return copy;
}
