import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  // The client lies outside of this folder; it is to have the React of this app.
  resolve: { dedupe: ["react", "react-dom"] },
  server: { port: 5173, strictPort: true, fs: { allow: [".", "../../realtime/static/realtime"] } },
});
