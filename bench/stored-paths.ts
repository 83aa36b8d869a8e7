import type { Bench } from './benchmarks.ts';
import type { RequestPlan } from './load-plan.ts';
import type { Target } from './target.ts';

const readFiles = 500;

export async function uploadRequest(target: Target, sizeBytes: number): Promise<RequestPlan> {
  const headers = [...(await target.authorize()), 'Content-Type: application/octet-stream'];
  return { kind: 'upload', path: target.uploadPath, headers, sizeBytes };
}

/** Stores small files. @returns the paths of their attributes. */
export async function storePaths(bench: Bench, target: Target): Promise<string[]> {
  const { answers } = await bench.load.run(
    {
      kind: 'store',
      origin: target.origin,
      count: readFiles,
      connections: 32,
      request: await uploadRequest(target, 64),
    },
    'store',
  );
  return answers.map((answer) =>
    target.attributesPath((JSON.parse(answer) as { file_id: string }).file_id),
  );
}
