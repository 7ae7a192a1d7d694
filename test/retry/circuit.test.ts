import { expect, test } from 'vitest';
import { Circuit } from '../../src/retry/circuit.ts';

test('an open circuit keeps its first cause', () => {
  const circuit = new Circuit();
  expect(circuit.cause).toBeUndefined();
  circuit.open(new Error('first'));
  circuit.open(new Error('second'));
  expect(circuit.cause?.message).toBe('first');
});

test('an open circuit grants one last call, a closed one none', () => {
  const circuit = new Circuit();
  expect(circuit.takeLastCall()).toBe(false);
  circuit.open(new Error('down'));
  expect(circuit.takeLastCall()).toBe(true);
  expect(circuit.takeLastCall()).toBe(false);
});
