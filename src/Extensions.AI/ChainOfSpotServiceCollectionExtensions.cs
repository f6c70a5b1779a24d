using ChainOfSpot.Extensions.AI;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers ChainOfSpot's engine and chat client.</summary>
public static class ChainOfSpotServiceCollectionExtensions
{
    /// <summary>
    /// Registers an engine and its chat client, with options that the delegate sets. Singletons:
    /// <see cref="ChainOfSpotEngineProvider"/>, <see cref="ChainOfSpotChatClient"/>, and the latter as <see cref="IChatClient"/>
    /// where the application has none. The options are checked when the host starts; the engine is loaded beside the start, and
    /// the first question waits for it.
    /// <para>
    /// For a chat client with middleware register one on top:
    /// <c>services.AddChatClient(s => s.GetRequiredService&lt;ChainOfSpotChatClient&gt;()).UseOpenTelemetry()</c>.
    /// </para>
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddChainOfSpot(this IServiceCollection services, Action<ChainOfSpotOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        services.Configure(configure);
        return services.AddChainOfSpot();
    }

    /// <summary>
    /// Registers an engine and its chat client, with options that are configured elsewhere, as by
    /// <c>services.AddOptions&lt;ChainOfSpotOptions&gt;().BindConfiguration("ChainOfSpot")</c>.
    /// </summary>
    /// <inheritdoc cref="AddChainOfSpot(IServiceCollection, Action{ChainOfSpotOptions})"/>
    public static IServiceCollection AddChainOfSpot(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptionsWithValidateOnStart<ChainOfSpotOptions, ChainOfSpotOptionsValidation>();
        services.TryAddSingleton(provider => new ChainOfSpotEngineProvider(
            provider.GetRequiredService<IOptions<ChainOfSpotOptions>>(), provider.GetService<ILoggerFactory>()));
        services.TryAddSingleton(provider =>
        {
            ChainOfSpotOptions options = provider.GetRequiredService<IOptions<ChainOfSpotOptions>>().Value;
            return new ChainOfSpotChatClient(
                provider.GetRequiredService<ChainOfSpotEngineProvider>().GetAsync, options.Model, options.Pictures);
        });
        services.TryAddSingleton<IChatClient>(provider => provider.GetRequiredService<ChainOfSpotChatClient>());
        services.AddHostedService<EngineLoading>();
        return services;
    }
}
