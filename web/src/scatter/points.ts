// Many points: drawn with WebGL where there is one, else on a plain canvas.

export interface Place {
  /** Pixels = data * scale + shift, for x and y (CSS pixels, y down). */
  scale: [number, number];
  shift: [number, number];
}

export interface Points {
  n: number;
  x: Float32Array;
  y: Float32Array;
  rgb: Uint8Array;
  /** 1 for each selected point. */
  selected: Uint8Array;
  anySelected: boolean;
}

export interface Look {
  width: number;
  height: number;
  ratio: number;
  size: number;
  ring: [number, number, number];
  paper: [number, number, number];
  /** Opacity of what is not selected, where something is. */
  fade: number;
}

export interface Renderer {
  readonly name: string;
  draw(points: Points, place: Place, look: Look): void;
  gone(): void;
}

const VERTEX = `
attribute vec2 place;
attribute vec3 colour;
uniform vec2 scale, shift, extent;
uniform float size, pass, fade;
varying vec3 tint;
varying float ring, alpha;
void main() {
  vec2 at = place * scale + shift;
  gl_Position = at.x == at.x && at.y == at.y
    ? vec4(at.x / extent.x * 2.0 - 1.0, 1.0 - at.y / extent.y * 2.0, 0.0, 1.0)
    : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = pass < 0.5 ? size : size * 1.5 + 2.0;
  tint = colour;
  ring = pass;
  alpha = pass < 0.5 ? fade : 1.0;
}`;

const FRAGMENT = `
precision mediump float;
varying vec3 tint;
varying float ring, alpha;
uniform vec3 edge;
void main() {
  float r = length(gl_PointCoord - 0.5) * 2.0;
  if (r > 1.0) discard;
  vec3 shown = ring > 0.5 && r > 0.68 ? edge : tint;
  gl_FragColor = vec4(shown * alpha, alpha);
}`;

interface Buffers {
  places: WebGLBuffer;
  colours: WebGLBuffer;
  placesOf: unknown;
  coloursOf: unknown;
}

function pairs({ x, y, n }: Points, rows: number[] | null): Float32Array {
  const size = rows?.length ?? n;
  const found = new Float32Array(2 * size);
  for (let k = 0; k < size; k++) {
    const i = rows ? rows[k] : k;
    found[2 * k] = x[i];
    found[2 * k + 1] = y[i];
  }
  return found;
}

class WebGl implements Renderer {
  readonly name: string;
  private uniforms: Record<string, WebGLUniformLocation | null>;
  private at: { place: number; colour: number };
  private all: Buffers;
  /** The selected ones once more, drawn over the others. */
  private chosen: Buffers;
  private chosenOf: unknown = null;
  private chosenCount = 0;

  constructor(
    private canvas: HTMLCanvasElement,
    private gl: WebGLRenderingContext,
  ) {
    this.name = `WebGL, ${nameOf(gl)}`;
    const program = gl.createProgram()!;
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
      const shader = gl.createShader(kind)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      throw new Error(gl.getProgramInfoLog(program) ?? "the shaders do not link");
    }
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.at = { place: gl.getAttribLocation(program, "place"), colour: gl.getAttribLocation(program, "colour") };
    gl.enableVertexAttribArray(this.at.place);
    gl.enableVertexAttribArray(this.at.colour);
    const buffers = (): Buffers => ({
      places: gl.createBuffer()!, colours: gl.createBuffer()!, placesOf: null, coloursOf: null,
    });
    [this.all, this.chosen] = [buffers(), buffers()];
    const names = ["scale", "shift", "extent", "size", "pass", "fade", "edge"];
    this.uniforms = Object.fromEntries(names.map((one) => [one, gl.getUniformLocation(program, one)]));
  }

  private use(buffers: Buffers): void {
    const { gl, at } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers.places);
    gl.vertexAttribPointer(at.place, 2, gl.FLOAT, false, 0, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers.colours);
    gl.vertexAttribPointer(at.colour, 3, gl.UNSIGNED_BYTE, true, 0, 0);
  }

  private put(buffer: WebGLBuffer, values: Float32Array | Uint8Array): void {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, values as Uint8Array<ArrayBuffer>, gl.DYNAMIC_DRAW);
  }

  private upload(points: Points): void {
    if (this.all.placesOf !== points.x) this.put(this.all.places, pairs(points, null));
    if (this.all.coloursOf !== points.rgb) this.put(this.all.colours, points.rgb);
    const isOther = this.all.placesOf !== points.x || this.all.coloursOf !== points.rgb;
    [this.all.placesOf, this.all.coloursOf] = [points.x, points.rgb];
    if (!isOther && this.chosenOf === points.selected) return;
    this.chosenOf = points.selected;
    const rows: number[] = [];
    if (points.anySelected) points.selected.forEach((on, i) => on && rows.push(i));
    this.chosenCount = rows.length;
    const colours = new Uint8Array(3 * rows.length);
    rows.forEach((i, k) => colours.set(points.rgb.subarray(3 * i, 3 * i + 3), 3 * k));
    this.put(this.chosen.places, pairs(points, rows));
    this.put(this.chosen.colours, colours);
  }

  draw(points: Points, place: Place, look: Look): void {
    const { gl, canvas, uniforms } = this;
    const [width, height] = [Math.round(look.width * look.ratio), Math.round(look.height * look.ratio)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    this.upload(points);
    gl.uniform2f(uniforms.scale, ...place.scale);
    gl.uniform2f(uniforms.shift, ...place.shift);
    gl.uniform2f(uniforms.extent, look.width, look.height);
    gl.uniform1f(uniforms.size, look.size * look.ratio);
    gl.uniform3f(uniforms.edge, look.ring[0] / 255, look.ring[1] / 255, look.ring[2] / 255);
    gl.uniform1f(uniforms.fade, points.anySelected ? look.fade : points.n > 20_000 ? 0.6 : 0.85);
    gl.uniform1f(uniforms.pass, 0);
    this.use(this.all);
    gl.drawArrays(gl.POINTS, 0, points.n);
    if (!this.chosenCount) return;
    gl.uniform1f(uniforms.pass, 1);
    this.use(this.chosen);
    gl.drawArrays(gl.POINTS, 0, this.chosenCount);
  }

  gone(): void {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

const MANY = 4000;

class Plain implements Renderer {
  constructor(
    private canvas: HTMLCanvasElement,
    readonly name: string,
  ) {}

  draw(points: Points, place: Place, look: Look): void {
    const { canvas } = this;
    [canvas.width, canvas.height] = [Math.round(look.width * look.ratio), Math.round(look.height * look.ratio)];
    const context = canvas.getContext("2d")!;
    if (points.n > MANY) {
      context.putImageData(stamped(points, place, look), 0, 0);
      return;
    }
    context.scale(look.ratio, look.ratio);
    paint(context, points, place, look);
  }

  gone(): void {}
}

/** Very many points, pixel by pixel: several times faster than what a browser draws one by one. */
function stamped(points: Points, place: Place, look: Look): ImageData {
  const [width, height] = [Math.round(look.width * look.ratio), Math.round(look.height * look.ratio)];
  const image = new ImageData(width, height);
  const { data } = image;
  for (let i = 0; i < data.length; i += 4) {
    [data[i], data[i + 1], data[i + 2]] = look.paper;
    data[i + 3] = 255;
  }
  const [ax, bx] = [place.scale[0] * look.ratio, place.shift[0] * look.ratio];
  const [ay, by] = [place.scale[1] * look.ratio, place.shift[1] * look.ratio];
  const put = (i: number, stamp: Stamp) => {
    const x = Math.round(points.x[i] * ax + bx);
    const y = Math.round(points.y[i] * ay + by);
    if (!(x >= 9 && y >= 9 && x < width - 9 && y < height - 9)) return;
    for (let k = 0; k < stamp.at.length; k++) {
      const to = 4 * (y * width + x) + stamp.at[k];
      const isRing = stamp.ring[k] === 1;
      for (let part = 0; part < 3; part++) {
        const colour = isRing ? look.ring[part] : points.rgb[3 * i + part];
        data[to + part] += (colour - data[to + part]) * stamp.alpha;
      }
    }
  };
  const usual = stamp(look.size * look.ratio, width, { alpha: points.anySelected ? 0.22 : 0.6, edge: 2 });
  for (let i = 0; i < points.n; i++) put(i, usual);
  if (!points.anySelected) return image;
  const chosen = stamp((look.size * 1.5 + 2) * look.ratio, width, { alpha: 1, edge: 0.68 });
  for (let i = 0; i < points.n; i++) if (points.selected[i]) put(i, chosen);
  return image;
}

interface Stamp {
  /** Of each pixel of a dot, how far it is in the image's bytes from the middle one. */
  at: Int32Array;
  ring: Uint8Array;
  alpha: number;
}

function stamp(size: number, width: number, { alpha, edge }: { alpha: number; edge: number }): Stamp {
  const [at, ring]: [number[], number[]] = [[], []];
  const radius = Math.min(8, size / 2);
  for (let y = -8; y <= 8; y++) {
    for (let x = -8; x <= 8; x++) {
      const far = Math.hypot(x, y) / radius;
      if (far > 1) continue;
      at.push(4 * (y * width + x));
      ring.push(far > edge ? 1 : 0);
    }
  }
  return { at: Int32Array.from(at), ring: Uint8Array.from(ring), alpha };
}

/** The points on a canvas's context in CSS pixels; also how a picture to keep is made. */
export function paint(context: CanvasRenderingContext2D, points: Points, place: Place, look: Look): void {
  const fade = points.anySelected ? look.fade : 0.85;
  for (const pass of points.anySelected ? [0, 1] : [0]) {
    const radius = (pass ? look.size * 1.5 + 2 : look.size) / 2;
    context.globalAlpha = pass ? 1 : fade;
    for (let i = 0; i < points.n; i++) {
      if (points.anySelected && points.selected[i] !== pass) continue;
      const [x, y] = [points.x[i] * place.scale[0] + place.shift[0], points.y[i] * place.scale[1] + place.shift[1]];
      if (!(x > -9 && y > -9 && x < look.width + 9 && y < look.height + 9)) continue;
      const c = 3 * i;
      context.fillStyle = `rgb(${points.rgb[c]},${points.rgb[c + 1]},${points.rgb[c + 2]})`;
      if (points.n > 20_000 && !pass) {
        context.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
        continue;
      }
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fill();
      if (pass) {
        context.lineWidth = 1.4;
        context.strokeStyle = `rgb(${look.ring})`;
        context.stroke();
      }
    }
  }
  context.globalAlpha = 1;
}

// Without a graphics card WebGL is calculated too, more slowly than what we need of it.
const CALCULATED = /swiftshader|llvmpipe|software|basic render/i;

function nameOf(gl: WebGLRenderingContext): string {
  const about = gl.getExtension("WEBGL_debug_renderer_info");
  return about ? String(gl.getParameter(about.UNMASKED_RENDERER_WEBGL)) : "unnamed";
}

/** A canvas keeps the first kind of context that it is asked for, so WebGL is tried on another. */
export function renderer(canvas: HTMLCanvasElement): Renderer {
  const tried = document.createElement("canvas").getContext("webgl");
  const name = tried ? nameOf(tried) : "";
  tried?.getExtension("WEBGL_lose_context")?.loseContext();
  if (!tried) return new Plain(canvas, "canvas without WebGL");
  if (CALCULATED.test(name)) return new Plain(canvas, `canvas, for WebGL has no graphics card (${name})`);
  const gl = canvas.getContext("webgl", { antialias: false, preserveDrawingBuffer: true });
  return gl ? new WebGl(canvas, gl) : new Plain(canvas, "canvas without WebGL");
}
