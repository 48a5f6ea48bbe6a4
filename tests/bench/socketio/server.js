// Socket.IO as people run it for this: one room a job, one Redis channel a room, each message emitted to its room.
const { createServer } = require("node:http");
const { Server } = require("socket.io");
const Redis = require("ioredis");

const [port, url] = process.argv.slice(2);
const http = createServer();
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false });
const redis = new Redis(url);
const heard = new Set();

io.on("connection", (socket) => {
  socket.on("watch", async (room, done) => {
    socket.join(room);
    if (!heard.has(room)) {
      heard.add(room);
      await redis.subscribe(room);
    }
    done();
  });
});
redis.on("message", (room, text) => io.to(room).emit("event", JSON.parse(text)));
http.listen(Number(port), "127.0.0.1", () => console.log("listening"));
