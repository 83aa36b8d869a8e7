import { presentProblem } from '#api/problem-details.ts';
import { DomainError, errorCatalogue, type ErrorCode } from '#domain/errors.ts';

/** One anchor for each code: the address that `type` of a problem document gives. */
export function presentErrorPage(): string {
  const rows = (Object.keys(errorCatalogue) as ErrorCode[]).map((code) => {
    const { status, title } = presentProblem(new DomainError(code, ''), '');
    return `<tr id="${code.toLowerCase()}"><td><code>${code}</code></td><td>${status}</td><td>${title}</td></tr>`;
  });
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>ArtStore error codes</title></head>
<body>
<h1>Error codes</h1>
<p>Cause, remedy and whether to retry stand in <code>docs/errors.md</code> of the distribution.</p>
<table>
<thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
</body>
</html>
`;
}
