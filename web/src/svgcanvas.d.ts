// svgcanvas brings no types: a canvas context that writes what is drawn as SVG.
declare module "svgcanvas" {
  export class Context extends CanvasRenderingContext2D {
    constructor(options: { width: number; height: number });
    getSerializedSvg(fixNamedEntities?: boolean): string;
  }
}
