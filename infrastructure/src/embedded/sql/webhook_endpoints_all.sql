SELECT name FROM webhook_endpoints ORDER BY name
