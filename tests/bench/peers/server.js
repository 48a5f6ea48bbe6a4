// Servers as people run them for this: one Redis channel a room, each message sent to those who watch the room.
// node server.js bridge|streams|ws <port> <redis url>
const { createServer } = require("node:http");
const { createAdapter } = require("@socket.io/redis-streams-adapter");
const Redis = require("ioredis");
const { Server } = require("socket.io");
const { WebSocketServer } = require("ws");

const [kind, port, url] = process.argv.slice(2);
const http = createServer();
const redis = new Redis(url);
const heard = new Set();

async function hear(room) {
  if (heard.has(room)) return;
  heard.add(room);
  await redis.subscribe(room);
}

function socketIO(options) {
  const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false, ...options });
  io.on("connection", (socket) => {
    socket.on("watch", async (room, done) => {
      socket.join(room);
      await hear(room);
      done();
    });
  });
  redis.on("message", (room, text) => io.to(room).emit("event", JSON.parse(text)));
}

function ws() {
  const rooms = new Map();
  new WebSocketServer({ server: http, perMessageDeflate: false }).on("connection", (socket) => {
    const mine = [];
    socket.on("message", async (text) => {
      const { room } = JSON.parse(text);
      if (!rooms.has(room)) rooms.set(room, new Set());
      rooms.get(room).add(socket);
      mine.push(room);
      await hear(room);
      socket.send('{"type":"watching"}');
    });
    socket.on("close", () => mine.forEach((room) => rooms.get(room).delete(socket)));
  });
  redis.on("message", (room, text) => {
    const frame = JSON.stringify({ type: "event", event: JSON.parse(text) });
    for (const socket of rooms.get(room) ?? []) socket.send(frame);
  });
}

const ways = {
  bridge: () => socketIO({}),
  streams: () => socketIO({ adapter: createAdapter(new Redis(url)), connectionStateRecovery: { maxDisconnectionDuration: 120_000 } }),
  ws,
};
ways[kind]();
http.listen(Number(port), "127.0.0.1", () => console.log("listening"));
