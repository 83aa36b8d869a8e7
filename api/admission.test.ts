import test from 'ava';
import { createAdmission } from '#api/admission.ts';

test('so many are admitted at once, and a place that is given back is given out again', (t) => {
  const refusal = { code: 'TOO_MANY_CHANGES', detail: 'Too many.' } as const;
  const admission = createAdmission(2, refusal);
  const first = admission.admit();
  admission.admit();
  t.throws(() => admission.admit(), { code: 'TOO_MANY_CHANGES', message: 'Too many.' });
  t.is(admission.admitted, 2);
  first[Symbol.dispose]();
  // Giving it back twice frees no second place.
  first[Symbol.dispose]();
  admission.admit();
  t.throws(() => admission.admit());
  t.is(admission.admitted, 2);
});
