// The browser for docs/examples/ticker.html in a test: runs the page's own script under node and
// prints, as JSON, what the page shows after every change. Owns as much of a document and of a
// WebSocket as that page uses. Usage: node browser.js ticker.html '?broker=ws://…'
"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");
const net = require("node:net");
const vm = require("node:vm");

const [page, search] = process.argv.slice(2);
const html = fs.readFileSync(page, "utf8");
const script = html.match(/<script>([\s\S]*)<\/script>/)[1];

const elements = {};
let pending = false;
const print = () => {
  pending = false;
  const { link, score, made, events, boxes } = elements;
  const items = (events?.children ?? []).map((item) => [item.className, item.textContent]);
  const text = (element) => element?.textContent;
  const shown = { link: text(link), score: text(score), made: text(made), boxes: text(boxes), items };
  console.log(JSON.stringify(shown));
};
const changed = () => {
  if (!pending) queueMicrotask(print);
  pending = true;
};
class Element {
  children = [];
  set textContent(text) {
    this.text = text;
    changed();
  }
  get textContent() {
    return this.text;
  }
  replaceChildren(...children) {
    this.children = children;
    changed();
  }
}
const document = {
  getElementById(id) {
    if (!html.includes(`id="${id}"`)) throw new Error(`the page has no ${id}`);
    return (elements[id] ??= new Element());
  },
  createElement: () => new Element(),
};

// For node before version 22, which has no WebSocket. Text, fragments and large frames are not
// needed: brokers send binary frames of a few hundred bytes.
class PlainWebSocket {
  readyState = 0;
  constructor(url, protocol) {
    const { hostname, port } = new URL(url);
    const key = crypto.randomBytes(16).toString("base64");
    let bytes = Buffer.alloc(0);
    this.socket = net.connect(Number(port), hostname, () => {
      this.socket.write(
        `GET /mqtt HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
      );
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.readyState = 3;
      this.onclose?.();
    });
    this.socket.on("data", (more) => {
      bytes = Buffer.concat([bytes, more]);
      if (this.readyState === 0) {
        const end = bytes.indexOf("\r\n\r\n");
        if (end < 0) return;
        if (!bytes.toString("latin1", 0, end).startsWith("HTTP/1.1 101")) return this.close();
        bytes = bytes.subarray(end + 4);
        this.readyState = 1;
        this.onopen?.();
      }
      bytes = this.frames(bytes);
    });
  }
  frames(bytes) {
    while (bytes.length >= 2) {
      let [at, length] = [2, bytes[1] & 127];
      if (length === 126) {
        if (bytes.length < 4) break;
        [at, length] = [4, bytes.readUInt16BE(2)];
      }
      if (bytes.length < at + length) break;
      const data = Uint8Array.from(bytes.subarray(at, at + length)).buffer;
      if ((bytes[0] & 15) === 2) this.onmessage?.({ data });
      if ((bytes[0] & 15) === 8) this.close();
      bytes = bytes.subarray(at + length);
    }
    return bytes;
  }
  send(data) {
    const mask = crypto.randomBytes(4);
    const masked = data.map((byte, index) => byte ^ mask[index % 4]);
    const length = data.length < 126 ? [data.length | 128] : [126 | 128, data.length >> 8, data.length & 255];
    this.socket.write(Buffer.from([0x82, ...length, ...mask, ...masked]));
  }
  close() {
    this.socket.destroy();
  }
}

vm.runInNewContext(script, {
  document,
  location: { search },
  WebSocket: globalThis.WebSocket ?? PlainWebSocket,
  URLSearchParams,
  TextEncoder,
  TextDecoder,
  Uint8Array,
  console,
  setTimeout,
  setInterval,
  clearInterval,
});
