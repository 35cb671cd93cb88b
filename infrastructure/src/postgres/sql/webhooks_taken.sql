SELECT taken FROM webhook_intake
