// A scatter plot as a drawing to keep.
import type { Look, Place, Points } from "./points";

export const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (letter) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[letter]!);

interface Drawing {
  points: Points;
  place: Place;
  look: Look;
  axes: [string, string];
}

export function svgOf({ points, place, look, axes }: Drawing): string {
  const dots: string[] = [];
  for (const pass of points.anySelected ? [0, 1] : [0]) {
    for (let i = 0; i < points.n; i++) {
      if (points.anySelected && points.selected[i] !== pass) continue;
      const x = points.x[i] * place.scale[0] + place.shift[0];
      const y = points.y[i] * place.scale[1] + place.shift[1];
      if (!(x >= 0 && y >= 0 && x <= look.width && y <= look.height)) continue;
      const [r, g, b] = points.rgb.subarray(3 * i, 3 * i + 3);
      const opacity = points.anySelected && !pass ? ' opacity="0.25"' : "";
      const radius = (pass ? look.size * 1.4 : look.size) / 2;
      dots.push(
        `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius.toFixed(1)}" fill="rgb(${r},${g},${b})"${opacity}/>`,
      );
    }
  }
  const text = 'font-family="sans-serif" font-size="11" fill="#444"';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${look.width}" height="${look.height}">`,
    ...dots,
    `<text x="${look.width - 8}" y="${look.height - 6}" text-anchor="end" ${text}>${escaped(axes[0])}</text>`,
    `<text transform="translate(11 10) rotate(-90)" text-anchor="end" ${text}>${escaped(axes[1])}</text>`,
    "</svg>",
  ].join("\n");
}
