// All experiments, in the order of the page.
import { churn } from './churn/experiment.js'
import type { Experiment } from './experiment.js'
import { reviews } from './reviews/experiment.js'
import { simulation } from './simulation/experiment.js'

export const experiments: readonly Experiment[] = [reviews, churn, simulation]
