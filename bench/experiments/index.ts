// All experiments, in the order of the page.
import type { Experiment } from './experiment.js'
import { reviews } from './reviews/experiment.js'

export const experiments: readonly Experiment[] = [reviews]
