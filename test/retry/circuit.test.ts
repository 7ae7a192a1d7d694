import { expect, test } from 'vitest';
import { Circuit } from '../../src/retry/circuit.ts';

test('stays open with its first cause', () => {
  const circuit = new Circuit();
  expect(circuit.cause).toBeUndefined();
  circuit.open(new Error('first'));
  circuit.open(new Error('second'));
  expect(circuit.cause?.message).toBe('first');
});

test('grants one last call, only once it is open', () => {
  const circuit = new Circuit();
  expect(circuit.takeLastCall()).toBe(false);
  circuit.open(new Error('down'));
  expect(circuit.takeLastCall()).toBe(true);
  expect(circuit.takeLastCall()).toBe(false);
});
