import { startTestApi } from '/work/main/test/support/test-api.ts';
import http from 'node:http';
import { createHash } from 'node:crypto';
import { createReadStream, writeFileSync, openSync, writeSync, fsyncSync, closeSync, createWriteStream } from 'node:fs';
const api = await startTestApi();
const { token } = await api.createClient('USER');
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
function req(path: string, opts: any = {}, body?: Buffer): Promise<{status:number,text:string}> {
  return new Promise((res, rej) => { const r = http.request({ host:'127.0.0.1', port: api.port, path, agent, ...opts, headers: { Authorization: `Bearer ${token}`, ...opts.headers } }, (a) => { const c: Buffer[]=[]; a.on('data', d => c.push(d)); a.on('end', () => res({status:a.statusCode!, text: Buffer.concat(c).toString()})); }); r.on('error', rej); r.end(body); });
}
async function rate(name: string, ms: number, conc: number, fn: () => Promise<any>) { let n=0; const end=performance.now()+ms; const t0=performance.now(); const c0=process.cpuUsage(); await Promise.all(Array.from({length:conc}, async () => { while(performance.now()<end){ await fn(); n++; } })); const c=process.cpuUsage(c0); console.log(name, Math.round((c.user+c.system)/n), "us cpu/req", Math.round(n/((performance.now()-t0)/1000)), '/s'); }
const up = await req('/api/v1/files?filename=a.txt', { method:'POST', headers: {'Content-Type':'text/plain'} }, Buffer.from('hello'));
const f = JSON.parse(up.text);
const bare = http.createServer((q,s)=>{q.resume();s.setHeader('content-type','application/json');s.end('{}')}).listen(0); const bp=(bare.address() as any).port; const breq=()=>new Promise<void>((res)=>{http.get({host:'127.0.0.1',port:bp,agent},(a)=>{a.resume();a.on('end',()=>res())})});
for (let i=0;i<2;i++) {
await rate('bare', 1500, 32, breq);
await rate('live', 1500, 32, () => req('/health/live'));
await rate('GET file', 2500, 32, () => req(`/api/v1/files/${f.file_id}`));
await rate('GET attributes', 2500, 32, () => req(`/api/v1/files/${f.file_id}/attributes`));
await rate('GET content', 2500, 32, () => req(`/api/v1/files/${f.file_id}/content`));
await rate('POST 4KiB raw', 3000, 64, () => req('/api/v1/files?filename=a.txt', { method:'POST', headers: {'Content-Type':'text/plain'} }, Buffer.alloc(4096)));
const formBody = Buffer.concat([Buffer.from('--b\r\nContent-Disposition: form-data; name="description"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'), Buffer.alloc(4096), Buffer.from('\r\n--b--\r\n')]);
await rate('POST 4KiB form', 3000, 64, () => req('/api/v1/files', { method:'POST', headers: {'Content-Type':'multipart/form-data; boundary=b'} }, formBody));
}
await api[Symbol.asyncDispose]();
process.exit(0);
