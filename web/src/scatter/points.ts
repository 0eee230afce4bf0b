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
}

export interface Renderer {
  readonly name: string;
  draw(points: Points, place: Place, look: Look): void;
  gone(): void;
}

const VERTEX = `
attribute vec2 place;
attribute vec3 colour;
attribute float chosen;
uniform vec2 scale, shift, extent;
uniform float size, pass, fade;
varying vec3 tint;
varying float ring, alpha;
void main() {
  vec2 at = place * scale + shift;
  bool drawn = pass < 0.5 ? chosen < 0.5 : chosen > 0.5;
  gl_Position = drawn && at.x == at.x && at.y == at.y
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

type Attribute = { buffer: WebGLBuffer; of: unknown; at: number; n: number };

class WebGl implements Renderer {
  readonly name: string;
  private attributes: Record<"x" | "colour" | "chosen", Attribute>;
  private uniforms: Record<string, WebGLUniformLocation | null>;
  private places = new Float32Array(0);
  private placesOf: unknown = null;

  constructor(
    private canvas: HTMLCanvasElement,
    private gl: WebGLRenderingContext,
  ) {
    const about = gl.getExtension("WEBGL_debug_renderer_info");
    this.name = `WebGL, ${about ? gl.getParameter(about.UNMASKED_RENDERER_WEBGL) : "unnamed"}`;
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
    const attribute = (name: string, n: number): Attribute => {
      const at = gl.getAttribLocation(program, name);
      gl.enableVertexAttribArray(at);
      return { buffer: gl.createBuffer()!, of: null, at, n };
    };
    this.attributes = {
      x: attribute("place", 2),
      colour: attribute("colour", 3),
      chosen: attribute("chosen", 1),
    };
    const names = ["scale", "shift", "extent", "size", "pass", "fade", "edge"];
    this.uniforms = Object.fromEntries(names.map((one) => [one, gl.getUniformLocation(program, one)]));
  }

  private put(name: "x" | "colour" | "chosen", values: ArrayBufferView, of: unknown) {
    const { gl } = this;
    const it = this.attributes[name];
    gl.bindBuffer(gl.ARRAY_BUFFER, it.buffer);
    if (it.of !== of) gl.bufferData(gl.ARRAY_BUFFER, values as Float32Array<ArrayBuffer>, gl.DYNAMIC_DRAW);
    it.of = of;
    const kind = name === "x" ? gl.FLOAT : gl.UNSIGNED_BYTE;
    gl.vertexAttribPointer(it.at, it.n, kind, name === "colour", 0, 0);
  }

  draw(points: Points, place: Place, look: Look): void {
    const { gl, canvas, uniforms } = this;
    const [width, height] = [Math.round(look.width * look.ratio), Math.round(look.height * look.ratio)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (this.placesOf !== points.x) {
      this.places = new Float32Array(points.n * 2);
      for (let i = 0; i < points.n; i++) {
        this.places[2 * i] = points.x[i];
        this.places[2 * i + 1] = points.y[i];
      }
      this.placesOf = points.x;
    }
    this.put("x", this.places, points.x);
    this.put("colour", points.rgb, points.rgb);
    this.put("chosen", points.selected, points.selected);
    gl.uniform2f(uniforms.scale, ...place.scale);
    gl.uniform2f(uniforms.shift, ...place.shift);
    gl.uniform2f(uniforms.extent, look.width, look.height);
    gl.uniform1f(uniforms.size, look.size * look.ratio);
    gl.uniform3f(uniforms.edge, look.ring[0] / 255, look.ring[1] / 255, look.ring[2] / 255);
    gl.uniform1f(uniforms.fade, points.anySelected ? 0.22 : points.n > 20_000 ? 0.6 : 0.85);
    for (const pass of points.anySelected ? [0, 1] : [0]) {
      gl.uniform1f(uniforms.pass, pass);
      gl.drawArrays(gl.POINTS, 0, points.n);
    }
  }

  gone(): void {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

class Plain implements Renderer {
  readonly name = "canvas without WebGL";
  constructor(private canvas: HTMLCanvasElement) {}

  draw(points: Points, place: Place, look: Look): void {
    const { canvas } = this;
    [canvas.width, canvas.height] = [Math.round(look.width * look.ratio), Math.round(look.height * look.ratio)];
    const context = canvas.getContext("2d")!;
    context.scale(look.ratio, look.ratio);
    paint(context, points, place, look);
  }

  gone(): void {}
}

/** The points on a canvas's context in CSS pixels; also how a picture to keep is made. */
export function paint(context: CanvasRenderingContext2D, points: Points, place: Place, look: Look): void {
  const fade = points.anySelected ? 0.22 : 0.85;
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
      context.arc(x, y, radius, 0, 7);
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

/** A canvas keeps the first kind of context that it is asked for, so WebGL is tried on another. */
export function renderer(canvas: HTMLCanvasElement): Renderer {
  const isThere = document.createElement("canvas").getContext("webgl");
  isThere?.getExtension("WEBGL_lose_context")?.loseContext();
  const gl = isThere && canvas.getContext("webgl", { antialias: false, preserveDrawingBuffer: true });
  return gl ? new WebGl(canvas, gl) : new Plain(canvas);
}
