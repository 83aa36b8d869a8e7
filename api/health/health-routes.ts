import { Type } from 'typebox';
import { answerJson, answerText } from '#api/answers.ts';
import { presentProblem } from '#api/problem-details.ts';
import { declareRoute, type Call } from '#api/route.ts';
import type { ApiServices } from '#api/services.ts';
import { DomainError } from '#domain/errors.ts';
import { limits } from '#domain/limits.ts';

type ComponentState = 'up' | 'down';

const stateSchema = Type.Object({ state: Type.String() });

const readinessSchema = Type.Object({
  state: Type.String(),
  components: Type.Record(Type.String(), Type.String({ description: '"up" or "down"' })),
});

const showLiveness = declareRoute({
  method: 'GET',
  path: '/health/live',
  name: 'showLiveness',
  summary: 'The process runs',
  tag: 'health',
  policy: 'public',
  isServedWhileDraining: true,
  answers: { 200: { description: 'It does', content: { 'application/json': stateSchema } } },
  errors: [],
  steps: [answerState('live')],
});

const showStartup = declareRoute({
  method: 'GET',
  path: '/health/startup',
  name: 'showStartup',
  summary: 'The process has started',
  tag: 'health',
  policy: 'public',
  isServedWhileDraining: true,
  answers: { 200: { description: 'It has', content: { 'application/json': stateSchema } } },
  errors: [],
  // The server listens only after everything it needs to start was there.
  steps: [answerState('started')],
});

const showReadiness = declareRoute({
  method: 'GET',
  path: '/health/ready',
  name: 'showReadiness',
  summary: 'This instance can take work; the state of every part it depends on',
  tag: 'health',
  policy: 'public',
  isServedWhileDraining: true,
  answers: { 200: { description: 'Ready', content: { 'application/json': readinessSchema } } },
  errors: ['NOT_READY', 'DRAINING'],
  steps: [answerReadiness],
});

function answerState(state: string) {
  return ({ context }: Call): void => {
    context.set('Cache-Control', 'no-store');
    answerJson(context, 200, { state });
  };
}

/** The components are told in both answers: they are what an operator looks for in a bad one. */
async function answerReadiness({ context, services, requestId }: Call): Promise<void> {
  context.set('Cache-Control', 'no-store');
  const { components, isReady } = await checkComponents(services);
  if (isReady && !services.isDraining()) {
    answerJson(context, 200, { state: 'ready', components });
    return;
  }
  const problem = presentProblem(
    services.isDraining()
      ? new DomainError('DRAINING', 'This instance is shutting down.')
      : new DomainError('NOT_READY', 'A part that this instance needs does not answer.'),
    requestId,
  );
  context.set('Retry-After', String(limits.retryAfterSeconds));
  const state = services.isDraining() ? 'draining' : 'not_ready';
  answerText(context, 503, {
    text: JSON.stringify({ ...problem, state, components }),
    contentType: 'application/problem+json',
  });
}

async function checkComponents({ ports }: ApiServices) {
  const states: Record<string, ComponentState> = {};
  let isReady = true;
  await Promise.all(
    ports.components.map(async (component) => {
      const { name, isRequired } = component;
      states[name] = await stateOf((signal) => component.check(signal));
      if (states[name] === 'down' && isRequired) isReady = false;
    }),
  );
  return { components: states, isReady };
}

/** A part that does not answer in time is down; why is a matter for the log of that part. */
async function stateOf(check: (signal: AbortSignal) => Promise<void>): Promise<ComponentState> {
  const signal = AbortSignal.timeout(limits.healthCheckMs);
  const { promise: tooLate, resolve } = Promise.withResolvers<ComponentState>();
  signal.addEventListener('abort', () => resolve('down'), { once: true });
  return Promise.race([
    tooLate,
    check(signal).then(
      (): ComponentState => 'up',
      (): ComponentState => 'down',
    ),
  ]);
}

export const healthRoutes = [showLiveness, showReadiness, showStartup];
