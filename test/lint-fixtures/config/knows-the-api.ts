import { createServer } from '#api/server.ts'; // refused

export const known = createServer;
