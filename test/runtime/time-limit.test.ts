import { expect, test, vi } from 'vitest';
import { withTimeLimit } from '../../runtime/time-limit.ts';

test('gives what the work gives in time, be it a failure, and leaves no timer behind', async () => {
  vi.useFakeTimers();
  try {
    const late = vi.fn<() => never>();
    expect(await withTimeLimit(Promise.resolve(1), 10, late)).toBe(1);
    await expect(withTimeLimit(Promise.reject(new Error('broken')), 10, late)).rejects.toThrow('broken');
    expect(vi.getTimerCount()).toBe(0);
    expect(late).not.toHaveBeenCalled();
  } finally {
    vi.useRealTimers();
  }
});

test('gives or throws what the caller wants instead of work that is late', async () => {
  const never = new Promise<never>(() => {});
  expect(await withTimeLimit(never, 1, () => 'late')).toBe('late');
  const limited = withTimeLimit(never, 1, () => {
    throw new Error('too late');
  });
  await expect(limited).rejects.toThrow('too late');
});
