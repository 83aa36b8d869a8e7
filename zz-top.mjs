import { readFileSync, readdirSync } from 'node:fs';
for (const f of readdirSync('/tmp/wfprof')) {
  const p = JSON.parse(readFileSync('/tmp/wfprof/' + f)); const self = new Map(); const byId = new Map(p.nodes.map((n) => [n.id, n])); let total = 0;
  const dt = p.timeDeltas; p.samples.forEach((s, i) => { const n = byId.get(s); const c = n.callFrame; const key = c.functionName + ' ' + c.url.replace(/.*node_modules\//, '').replace(/.*work\/main\//, '') + ':' + c.lineNumber; self.set(key, (self.get(key) ?? 0) + dt[i]); total += dt[i]; });
  console.log(f, (total / 1e6).toFixed(1));
  for (const [k, v] of [...self].sort((a, b) => b[1] - a[1]).slice(0, 22)) console.log('  ', (v / 1000).toFixed(0), k);
}
