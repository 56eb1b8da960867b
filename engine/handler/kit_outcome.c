// SPDX-License-Identifier: BSD-3-Clause
#include <string.h>

#include "handler/kit.h"

const struct vly_kit_outcome *vly_kit_outcome_at(const struct vly_kit *kit, uint32_t index)
{
	return index < kit->outcome_count ? &kit->outcomes[index] : NULL;
}

const struct vly_kit_outcome *vly_kit_answer(const struct vly_kit *kit, uint32_t index)
{
	for (uint32_t i = 0; i < kit->outcome_count; i++) {
		const struct vly_kit_outcome *outcome = &kit->outcomes[i];

		if ((outcome->fate == VLY_FATE_REPLY || outcome->fate == VLY_FATE_SEND) && !index--)
			return outcome;
	}
	return NULL;
}

const struct vly_kit_outcome *vly_kit_outcome_of(const struct vly_kit *kit, uint32_t number)
{
	for (uint32_t i = 0; i < kit->outcome_count; i++) {
		if (kit->outcomes[i].number == number)
			return &kit->outcomes[i];
	}
	return NULL;
}

uint32_t vly_kit_count(const struct vly_kit *kit, uint32_t fate)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < kit->outcome_count; i++)
		count += kit->outcomes[i].fate == fate;
	return count;
}

uint32_t vly_kit_held(const struct vly_kit *kit)
{
	return kit->held;
}

void vly_kit_clear(struct vly_kit *kit)
{
	for (uint32_t i = 0; i < kit->outcome_count; i++) {
		const uint8_t *data = kit->outcomes[i].data;
		uint32_t index = (uint32_t)((size_t)(data - kit->memory) / VLY_KIT_STRIDE);

		kit->buffers[index].place = VLY_KIT_FREE;
		kit->free[kit->free_count++] = index;
	}
	kit->outcome_count = 0;
	for (uint32_t i = 0; i < kit->chain.link_count; i++)
		vly_warning_clear(&kit->chain.links[i].warning);
}

bool vly_kit_handler_metric(const struct vly_kit *kit, uint32_t index,
			    struct vly_handler_metric *metric)
{
	struct vly_metric_sum sum = {.value = 0};
	const struct vly_chain_link *link = vly_chain_find_metric(&kit->chain, &index);

	if (!link)
		return false;
	vly_metrics_read(&link->metrics, index, &sum);
	vly_metrics_describe(&link->metrics, index, &sum, metric);
	metric->handler = link->ops->name;
	metric->position = (uint32_t)(link - kit->chain.links);
	return true;
}

uint64_t vly_kit_metric(const struct vly_kit *kit, const char *name)
{
	struct vly_handler_metric metric;

	for (uint32_t i = 0; vly_kit_handler_metric(kit, i, &metric); i++) {
		if (strcmp(metric.name, name) == 0)
			return metric.value;
	}
	return UINT64_MAX;
}

const char *vly_kit_warning(const struct vly_kit *kit)
{
	for (uint32_t i = 0; i < kit->chain.link_count; i++) {
		const char *text = vly_warning_text(&kit->chain.links[i].warning);

		if (text)
			return text;
	}
	return NULL;
}

uint64_t vly_kit_warnings(const struct vly_kit *kit)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < kit->chain.link_count; i++)
		count += atomic_load_explicit(&kit->chain.links[i].warning.told,
					      memory_order_relaxed);
	return count;
}

const char *vly_kit_complaint(const struct vly_kit *kit)
{
	return kit->complaint.text[0] ? kit->complaint.text : NULL;
}
