"""Security guardrails and the signing service: the last votes before an order leaves; they run in the desk."""
