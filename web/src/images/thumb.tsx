// A small picture of a well: its first field, whole.
import { useEffect, useRef, useState } from "preact/hooks";
import { contrast as plateContrast, well as aboutWell } from "../data/treatment";
import { theScreen } from "../state";
import { channels, compose, stains } from "./stains";
import { plane, tileSize } from "./tiles";

export function Thumb({ well, title, onClick }: { well: number; title: string; onClick: () => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [seen, setSeen] = useState(false);
  const [trouble, setTrouble] = useState("");
  const { wells } = theScreen();

  useEffect(() => {
    const watcher = new IntersectionObserver(([entry]) => entry.isIntersecting && setSeen(true));
    watcher.observe(canvas.current!);
    return () => watcher.disconnect();
  }, []);

  useEffect(() => {
    if (!seen) return;
    let isWanted = true;
    const make = async () => {
      const [about, contrast] = await Promise.all([aboutWell(well), plateContrast(wells.plate[well])]);
      const field = about.fields[0];
      if (!field) throw new Error(about.gone || "no pictures");
      const at = { level: field.levels - 1, row: 0, column: 0 };
      const shown = channels(stains.value, contrast);
      const planes = await Promise.all(shown.map((channel) => plane(field, channel.at, at)));
      const [width, height] = tileSize(field, at);
      const pixels = compose(planes, shown, width * height);
      if (!isWanted || !canvas.current) return;
      [canvas.current.width, canvas.current.height] = [width, height];
      canvas.current.getContext("2d")!.putImageData(new ImageData(pixels, width, height), 0, 0);
    };
    make().catch((error) => isWanted && setTrouble(error.why ?? error.message));
    return () => {
      isWanted = false;
    };
  }, [seen, well, stains.value]);

  return (
    <button type="button" class="thumb" title={trouble ? `${title}\n${trouble}` : title} onClick={onClick}>
      <canvas ref={canvas} width="96" height="96" role="img" aria-label={title} />
      {trouble && <span class="gone">no picture</span>}
    </button>
  );
}
